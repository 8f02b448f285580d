import type { Document } from 'bson';
import type { Chat, World } from './types.ts';

const TOOLS = [
  'web_search',
  'file_search',
  'execute_code',
  'search_mcp_github',
  'getWeather_action_api---example---org',
  'memory',
] as const;

/** An ordinary answer's content: perhaps thoughts, then text and tool calls in turn. */
export function answerContent(world: World, chat: Chat, length: number): Document[] {
  const { random, text } = world;
  const parts: Document[] = [];
  if (random.chance(0.25)) parts.push({ type: 'think', think: text.prose(scaled(world, 900, 1, 30_000)) });
  const calls = random.chance(chat.agentId === undefined ? 0.08 : 0.35) ? random.pick([1, 1, 1, 2, 2, 3, 6]) : 0;
  for (let call = 0; call < calls; call++) {
    const id = `call_${random.letters(24)}`;
    if (random.chance(0.5)) parts.push({ type: 'text', text: text.prose(80), tool_call_ids: [id] });
    parts.push(toolCall(world, id));
  }
  parts.push({ type: 'text', text: text.markdown(length) });
  return parts;
}

/** A call with its output; arguments are text, at times an object. */
function toolCall(world: World, id: string): Document {
  const { random, text } = world;
  const query = { query: text.title(), limit: random.int(1, 20) };
  const output = random.chance(0.03) ? {} : { output: text.toolOutput(scaled(world, 1500, 1.4, 200_000)) };
  const args = random.chance(0.9) ? JSON.stringify(query) : query;
  return {
    type: 'tool_call',
    tool_call: { id, name: random.pick(TOOLS), args, type: 'tool_call', progress: 1, ...output },
  };
}

/** One part of every type and form LibreChat has stored, and one of a type nobody knows. */
export function everyPart(world: World, chat: Chat, messageId: string): Document[] {
  const { random, record } = world;
  const image = `data:image/png;base64,${Buffer.from(random.bytes(60)).toString('base64')}`;
  const call = (id: string, rest: Document): Document => ({ type: 'tool_call', tool_call: { id, ...rest } });
  const auth = `https://login.example.org/authorize?state=${record.secret('messages.content.tool_call.auth', random.hex(8))}`;
  const citation = {
    type: 'file_citation',
    text: '[0]',
    start_index: 0,
    end_index: 3,
    file_citation: { file_id: 'file-a', quote: 'q' },
  };
  const boundary = { messageId, contentIndex: 0 };
  return [
    {
      type: 'text',
      text: 'First I look it up. ⟨turn0search0⟩ \ue202turn0search0',
      tool_call_ids: ['call_1'],
      phase: 'commentary',
    },
    { type: 'text', text: { value: '[0] Hello from an assistant', annotations: [citation] } },
    { type: 'text_delta', text: 'a delta that was never merged' },
    { type: 'think', think: 'The user asks for dates.', reasoning_label: 'Checking dates' },
    call('call_1', {
      name: 'search_mcp_github',
      args: '{"q":"x"}',
      type: 'tool_call',
      progress: 1,
      output: '{"items":[]}',
      auth,
      expires_at: 1_790_000_000,
    }),
    call('call_2', {
      type: 'function',
      function: { name: 'dalle', arguments: '{"prompt":"a \\"red\\" fox"}', output: 'made' },
      progress: 1,
    }),
    call('call_3', {
      type: 'code_interpreter',
      code_interpreter: {
        input: 'print(1)',
        outputs: [
          { type: 'logs', logs: '1' },
          { type: 'image', image: { file_id: 'file-b' } },
        ],
      },
    }),
    call('call_4', { type: 'retrieval', retrieval: {} }),
    call('call_4', { type: 'file_search', file_search: {} }), // providers repeat ids across turns
    call('call_5', {
      name: `lc_transfer_to_${chat.agentId ?? 'agent_helper'}`,
      args: {},
      type: 'tool_call',
      progress: 1,
      output: 'Transferred',
    }),
    call('call_6', { name: 'execute_code', args: '{"code":"while', type: 'tool_call', progress: 0.1 }), // aborted: half of the arguments, no output
    {
      type: 'image_file',
      image_file: {
        file_id: random.uuid(),
        filename: 'a.png',
        filepath: `/images/${chat.owner.hex}/a.png`,
        height: 1,
        width: 1,
        prompt: 'a fox',
      },
    },
    { type: 'image_url', image_url: { url: image, detail: 'auto' } },
    { type: 'image_url', image_url: image },
    { type: 'video_url', video_url: { url: 'https://example.org/clip.mp4' } },
    { type: 'input_audio', input_audio: { data: Buffer.from(random.bytes(30)).toString('base64'), format: 'mp3' } },
    { type: 'agent_update', agent_update: { index: 11, runId: messageId, agentId: chat.agentId ?? 'agent_helper' } },
    {
      type: 'summary',
      content: [{ type: 'text', text: 'So far: dates.' }],
      tokenCount: 120,
      summaryVersion: 1,
      model: 'gpt-4o',
      provider: 'openAI',
      createdAt: '2026-01-01T00:00:00.000Z',
      boundary,
      initiatedBy: 'user',
    },
    { type: 'activity_label', activity_label: 'Searched the repo', tool_call_ids: ['call_1'], status: 'ok' },
    {
      type: 'steer',
      steer: 'also check B',
      steerId: random.hex(4),
      createdAt: 1_790_000_000_000,
      files: [],
      quotes: [],
    },
    { type: 'error', error: '429 too many requests' },
    { type: 'error', text: { value: 'the run failed' } },
    { type: 'hologram', hologram: { angle: 1.5, looksLike: 'a type from the future' } },
    { type: 'text', text: 'Done: "all" of it.\n', phase: 'final_answer' },
  ];
}

/** Two answers side by side in one message, as multi-model chats store them now. */
export function parallelContent(world: World, second: 'answered' | 'lost'): Document[] {
  const groupId = 1;
  const first = { agentId: 'openAI__gpt-4o___GPT-4o', groupId };
  const added = { agentId: 'anthropic__claude-sonnet-4___Claude____1', groupId };
  return [
    { type: 'text', text: world.text.prose(200), ...first },
    ...(second === 'lost' ? [] : [{ type: 'text', text: world.text.prose(200), ...added }]),
  ];
}

/** A log-normal length in UTF-16 units, multiplied by the `textScale` option. */
export function scaled(world: World, median: number, sigma: number, cap: number): number {
  return Math.max(2, Math.round(world.random.logNormal(median, sigma, cap) * world.options.textScale));
}
