import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Json } from '../../src/json.ts';
import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import type { Message } from '../../src/models/conversation.ts';
import type { Part } from '../../src/models/conversation-parts.ts';
import type { Document } from '../../src/models/extended-json.ts';

/** A chat of one answer with these fields. */
function chatOf(fields: Document, files: readonly Document[] = []) {
  const message = {
    _id: { $oid: '65538a800000000000000001' },
    messageId: 'm',
    conversationId: 'c',
    user: 'u',
    isCreatedByUser: false,
    createdAt: '2025-01-01T00:00:00.000Z',
    ...fields,
  };
  return librechatToConversation({
    userId: 'u',
    conversationId: 'c',
    user: null,
    conversation: { conversationId: 'c', user: 'u' },
    messages: [message],
    files,
  });
}

function messageOf(fields: Document, files: readonly Document[] = []): Message {
  const [message] = chatOf(fields, files).conversation.messages;
  assert.ok(message);
  return message;
}

const call = (fields: Document): Json => ({ type: 'tool_call', tool_call: fields as Json });

const parts: readonly { name: string; part: Json; expected: readonly Part[] }[] = [
  {
    name: 'text',
    part: { type: 'text', text: 'Hi', tool_call_ids: ['a'], phase: 'commentary' },
    expected: [{ type: 'text', text: 'Hi', extra: { tool_call_ids: ['a'], phase: 'commentary' } }],
  },
  {
    name: 'text of the assistants era',
    part: { type: 'text', text: { value: 'Hi', annotations: [{ type: 'x' }] } },
    expected: [{ type: 'text', text: 'Hi', sourceType: 'text.value', extra: { annotations: [{ type: 'x' }] } }],
  },
  {
    name: 'text that is a number',
    part: { type: 'text', text: 7 },
    expected: [{ type: 'other', sourceType: 'text', value: { type: 'text', text: 7 } }],
  },
  { name: 'a bare string', part: 'Hi', expected: [{ type: 'text', text: 'Hi', sourceType: 'string' }] },
  { name: 'a bare number', part: 7, expected: [{ type: 'other', sourceType: 'unknown', value: 7 }] },
  { name: 'a hole', part: null, expected: [] },
  {
    name: 'a thought, by one of several agents',
    part: { type: 'think', think: 'Hm', reasoning_label: 'L', agentId: 'a', groupId: 1 },
    expected: [{ type: 'reasoning', text: 'Hm', label: 'L', agentId: 'a', groupId: 1 }],
  },
  {
    name: 'a call and its result',
    part: call({ id: 'k', name: 'search', args: '{"q":1}', type: 'tool_call', progress: 1, output: 'found' }),
    expected: [
      { type: 'toolCall', id: 'k', name: 'search', arguments: '{"q":1}' },
      { type: 'toolResult', callId: 'k', name: 'search', output: 'found' },
    ],
  },
  {
    name: 'a call that was broken off',
    part: call({ id: 'k', name: 'run', args: '{"code":"wh', progress: 0.1 }),
    expected: [
      { type: 'toolCall', id: 'k', name: 'run', arguments: '{"code":"wh', extra: { tool_call: { progress: 0.1 } } },
    ],
  },
  {
    name: 'arguments that look like Extended JSON',
    part: call({ id: 'k', name: 'run', args: { $oid: 'not an id', n: { $numberLong: '1' } } }),
    expected: [{ type: 'toolCall', id: 'k', name: 'run', arguments: { $oid: 'not an id', n: { $numberLong: '1' } } }],
  },
  {
    name: 'a function of the assistants era',
    part: call({
      id: 'k',
      type: 'function',
      function: { name: 'dalle', arguments: '{}', output: 'made' },
      progress: 1,
    }),
    expected: [
      { type: 'toolCall', id: 'k', name: 'dalle', arguments: '{}', sourceType: 'function' },
      { type: 'toolResult', callId: 'k', name: 'dalle', output: 'made' },
    ],
  },
  {
    name: 'the code interpreter',
    part: call({
      id: 'k',
      type: 'code_interpreter',
      code_interpreter: { input: 'print(1)', outputs: [{ type: 'logs', logs: '1' }] },
    }),
    expected: [
      { type: 'toolCall', id: 'k', name: 'code_interpreter', arguments: 'print(1)', sourceType: 'code_interpreter' },
      { type: 'toolResult', callId: 'k', name: 'code_interpreter', output: [{ type: 'logs', logs: '1' }] },
    ],
  },
  {
    name: 'a built-in search',
    part: call({ id: 'k', type: 'retrieval', retrieval: {} }),
    expected: [{ type: 'toolCall', id: 'k', name: 'retrieval', arguments: {}, sourceType: 'retrieval' }],
  },
  {
    name: 'a call without a call',
    part: { type: 'tool_call' },
    expected: [{ type: 'other', sourceType: 'tool_call', value: { type: 'tool_call' } }],
  },
  {
    name: 'a link to an image, as text and as an object',
    part: { type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: 'auto' } },
    expected: [
      {
        type: 'file',
        url: 'https://example.org/a.png',
        sourceType: 'image_url.url',
        extra: { image_url: { detail: 'auto' } },
      },
    ],
  },
  {
    name: 'an image in a string',
    part: { type: 'image_url', image_url: 'data:image/png;base64,AA==' },
    expected: [{ type: 'file', url: 'data:image/png;base64,AA==', sourceType: 'image_url' }],
  },
  {
    name: 'a video',
    part: { type: 'video_url', video_url: { url: 'https://example.org/v' } },
    expected: [{ type: 'file', url: 'https://example.org/v', sourceType: 'video_url.url' }],
  },
  {
    name: 'audio',
    part: { type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3' } },
    expected: [{ type: 'file', mediaType: 'audio/mp3', url: 'data:audio/mp3;base64,AA==', sourceType: 'input_audio' }],
  },
  {
    name: 'what the user threw in',
    part: { type: 'steer', steer: 'also B', steerId: 's' },
    expected: [{ type: 'text', text: 'also B', role: 'user', sourceType: 'steer', extra: { steerId: 's' } }],
  },
  { name: 'an error', part: { type: 'error', error: '429' }, expected: [{ type: 'error', text: '429' }] },
  {
    name: 'an error one level down',
    part: { type: 'error', text: { value: 'failed' } },
    expected: [{ type: 'error', text: 'failed', sourceType: 'error.value' }],
  },
  {
    name: 'a summary',
    part: {
      type: 'summary',
      content: [
        { type: 'text', text: 'So far' },
        { type: 'text', text: 'so good' },
      ],
    },
    expected: [
      {
        type: 'other',
        sourceType: 'summary',
        text: 'So far\nso good',
        value: {
          type: 'summary',
          content: [
            { type: 'text', text: 'So far' },
            { type: 'text', text: 'so good' },
          ],
        },
      },
    ],
  },
  {
    name: 'a type of the future',
    part: { type: 'hologram', angle: 1 },
    expected: [{ type: 'other', sourceType: 'hologram', value: { type: 'hologram', angle: 1 } }],
  },
  { name: 'no type', part: { a: 1 }, expected: [{ type: 'other', sourceType: 'unknown', value: { a: 1 } }] },
];

test('parts of content', async (t) => {
  for (const { name, part, expected } of parts) {
    await t.test(name, () => assert.deepEqual(messageOf({ text: '', content: [part] }).parts, expected));
  }
});

test('a link that signs its reader in is left out and listed', () => {
  const { conversation, losses } = chatOf({
    content: [call({ id: 'k', name: 'mcp', args: '', auth: 'https://login', expires_at: 9 })],
  });
  assert.deepEqual(conversation.messages[0]?.parts[0]?.extra, { tool_call: { expires_at: 9 } });
  assert.deepEqual(losses, [{ kind: 'secret', detail: 'content.tool_call.auth' }]);
});

const messages: readonly { name: string; fields: Document; expected: Partial<Message> }[] = [
  { name: 'text alone', fields: { text: 'Hi' }, expected: { parts: [{ type: 'text', text: 'Hi' }] } },
  { name: 'no words at all', fields: {}, expected: { parts: [] } },
  {
    name: 'text beside empty content',
    fields: { text: 'Hi', content: [] },
    expected: { parts: [{ type: 'text', text: 'Hi' }] },
  },
  {
    name: 'content wins over text, which is kept',
    fields: { text: 'old', content: [{ type: 'text', text: 'new' }] },
    expected: {
      parts: [{ type: 'text', text: 'new' }],
      source: { recordId: '65538a800000000000000001', extra: { text: 'old' } },
    },
  },
  {
    name: 'content that is no list',
    fields: { text: 'Hi', content: { a: 1 } },
    expected: { source: { recordId: '65538a800000000000000001', extra: { content: { a: 1 } } } },
  },
  {
    name: 'holes are noted by their place',
    fields: { content: [null, { type: 'text', text: 'a' }, null] },
    expected: {
      parts: [{ type: 'text', text: 'a' }],
      source: { recordId: '65538a800000000000000001', extra: { contentHoles: [0, 2] } },
    },
  },
  {
    name: 'a failed answer',
    fields: { text: '{"type":"token_balance"}', error: true },
    expected: { failed: true, parts: [{ type: 'error', text: '{"type":"token_balance"}', sourceType: 'text' }] },
  },
  {
    name: 'a thumb up with a tag',
    fields: { feedback: { rating: 'thumbsUp', tag: 'accurate_reliable' } },
    expected: { feedback: { rating: 'up', tag: 'accurate_reliable' } },
  },
  {
    name: 'a thumb down with a whole tag',
    fields: { feedback: { rating: 'thumbsDown', tag: { key: 'other', label: 'Other' }, text: 'no' } },
    expected: {
      feedback: { rating: 'down', tag: 'other', text: 'no', extra: { tag: { key: 'other', label: 'Other' } } },
    },
  },
  {
    name: 'a rating nobody knows',
    fields: { feedback: { rating: 5 } },
    expected: { feedback: { rating: null, extra: { rating: 5 } } },
  },
  {
    name: 'the user by the sender',
    fields: { isCreatedByUser: undefined, sender: 'User' },
    expected: { role: 'user', name: 'User' },
  },
  {
    name: 'a text of another type',
    fields: { text: 7, tokenCount: 'many' },
    expected: { parts: [], source: { recordId: '65538a800000000000000001', extra: { text: 7, tokenCount: 'many' } } },
  },
  {
    name: 'no time: the second of the id',
    fields: { createdAt: undefined },
    expected: { createdAt: '2023-11-14T14:56:00.000Z' },
  },
];

test('messages', async (t) => {
  for (const { name, fields, expected } of messages) {
    await t.test(name, () => {
      const message = messageOf(fields);
      for (const [field, value] of Object.entries(expected))
        assert.deepEqual(message[field as keyof Message], value, field);
    });
  }
});

test('a file’s document counts, and what the message says otherwise goes with the reference', () => {
  const document = {
    _id: 'd',
    file_id: 'f',
    user: { $oid: 'x' },
    filename: 'a.png',
    type: 'image/png',
    source: 'local',
    filepath: '/images/u/f.png',
    width: 8,
  };
  const {
    files,
    messages: [message],
  } = chatOf({ text: 'see', files: [{ file_id: 'f', filepath: '/images/u/old.png', type: 'image/png', width: 8 }] }, [
    document,
  ]).conversation;
  assert.deepEqual(message?.parts[1], {
    type: 'file',
    fileId: 'f',
    mediaType: 'image/png',
    extra: { filepath: '/images/u/old.png' },
  });
  assert.equal(files[0]?.url, '/images/u/f.png');
});

test('without a document the message’s snapshot stands in', () => {
  const { files, tree } = chatOf({
    text: 'see',
    files: [{ file_id: 'f', filepath: '/images/u/f.png', type: 'image/png' }, null, 'odd'],
  }).conversation;
  assert.deepEqual(files, [
    {
      id: 'f',
      mediaType: 'image/png',
      storage: 'local',
      paths: ['images/u/f.png', 'u/f.png', 'client/public/images/u/f.png'],
      url: '/images/u/f.png',
      fromMessage: true,
    },
  ]);
  assert.ok(tree.repairs.some(({ kind, detail }) => kind === 'file-document-missing' && detail === 'f'));
});

test('attachments', () => {
  const search = {
    turn: 0,
    organic: [{ position: 1, title: 't', link: 'l', snippet: 's' }],
    topStories: [],
    images: [{ a: 1 }],
  };
  const message = messageOf({
    text: 'see',
    attachments: [
      { type: 'web_search', web_search: search, messageId: 'm', conversationId: 'c', toolCallId: 'k' },
      {
        type: 'file_search',
        file_search: { sources: [{ fileId: 'f', fileName: 'r.pdf', content: 'chunk', pages: [3] }] },
        messageId: 'another',
      },
      {
        filename: 'out.csv',
        filepath: '/api/files/code/download/s/1',
        expiresAt: 9,
        messageId: 'm',
        conversationId: 'c',
        toolCallId: 'k',
      },
      { type: 'memory', memory: { key: 'a' }, messageId: 'm', conversationId: 'c' },
      null,
    ],
  });
  assert.deepEqual(message.parts.slice(1), [
    {
      type: 'citation',
      callId: 'k',
      turn: 0,
      sources: [{ list: 'organic', title: 't', url: 'l', text: 's', extra: { position: 1 } }],
      sourceType: 'attachment:web_search',
      extra: { web_search: { images: [{ a: 1 }] } },
    },
    {
      type: 'citation',
      sources: [{ title: 'r.pdf', text: 'chunk', fileId: 'f', extra: { pages: [3] } }],
      sourceType: 'attachment:file_search',
      extra: { messageId: 'another' },
    },
    { type: 'file', fileId: 'm:attachment-2', name: 'out.csv', callId: 'k', sourceType: 'attachment' },
    {
      type: 'other',
      sourceType: 'attachment:memory',
      value: { type: 'memory', memory: { key: 'a' }, messageId: 'm', conversationId: 'c' },
    },
  ]);
});

test('a conversation of nothing but its ids', () => {
  const { conversation, losses } = librechatToConversation({
    userId: '',
    conversationId: null,
    user: null,
    conversation: {},
    messages: [],
    files: [],
  });
  assert.deepEqual(
    [conversation.id, conversation.title, conversation.createdAt, conversation.messages, losses],
    ['without-conversation', null, null, [], []],
  );
});

test('settings are parted into what every system has and what is LibreChat’s', () => {
  const document = {
    conversationId: 'c',
    user: 'u',
    endpoint: 'OpenRouter',
    endpointType: 'custom',
    model: 'm',
    promptPrefix: 'Be brief.',
    temperature: { $numberDouble: '0.5' },
    stop: null,
    oddField: [1],
    __v: 0,
    _meiliIndex: true,
  };
  const { conversation } = librechatToConversation({
    userId: 'u',
    conversationId: 'c',
    user: null,
    conversation: document,
    messages: [],
    files: [],
  });
  assert.deepEqual(conversation.settings, {
    endpoint: 'OpenRouter',
    model: 'm',
    systemPrompt: 'Be brief.',
    parameters: { endpointType: 'custom', temperature: 0.5 },
  });
  assert.deepEqual(conversation.source, { system: 'librechat', extra: { oddField: [1] } });
});
