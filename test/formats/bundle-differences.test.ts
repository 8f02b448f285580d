import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chatDifferences } from '../../src/formats/bundle-differences.ts';
import { readBundleLine, type BundleLine } from '../../src/formats/bundle-line-reader.ts';
import { composeBundleLine } from '../../src/formats/bundle-line.ts';

function line(
  conversation: unknown,
  messages: readonly unknown[],
  copies: readonly unknown[] = [],
  ids = { user_id: 'u', conversation_id: 'c' as string | null },
): BundleLine {
  const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const pieces = composeBundleLine({
    userEmail: 'a@b.c',
    conversation: conversation === null ? null : bytes(conversation),
    copies: copies.map(bytes),
    messages: messages.map(bytes),
    fileIds: ['f1'],
    missingFileIds: [],
    branching: { has_branching: false, branch_points: [], missing_parent_ids: [] },
    addition: { key: 'k', digest: 'd', active_leaf: null, ...ids },
  });
  return readBundleLine(Buffer.concat(pieces));
}

test('a line is read with its documents as they stand', () => {
  const read = line(
    { conversationId: 'c' },
    [{ messageId: 'm1' }, { messageId: 'm2', _id: 7 }, null],
    [{ conversationId: 'c', _id: 8 }],
  );
  assert.deepEqual(
    [read.userId, read.conversationId, read.key, read.statedDigest, read.statedMessages, read.fileIds],
    ['u', 'c', 'k', 'd', 3, ['f1']],
  );
  assert.deepEqual(
    read.messages.map(({ id, bytes }) => [id, bytes.toString()]),
    [
      ['"m1"', '{"messageId":"m1"}'],
      ['"m2" 7', '{"messageId":"m2","_id":7}'],
      ['null', 'null'],
    ],
  );
  assert.deepEqual(
    read.copies.map(({ id }) => id),
    ['"c" 8'],
  );
  assert.equal(line(null, []).conversation, null);
});

test('a line of another tool is read, too', () => {
  const read = readBundleLine(
    Buffer.from('{"exported_at":"x","user_email":"a","conversation":{"conversationId":"c"},"messages":[{}]}'),
  );
  assert.deepEqual(
    [read.userId, read.key, read.statedDigest, read.statedMessages, read.messages.length],
    ['', null, null, null, 1],
  );
});

test('equal chats have no differences, in whatever order their messages are', () => {
  const messages = [
    { messageId: 'a', text: '1' },
    { messageId: 'b', text: '2' },
    { messageId: 'b', text: '3' },
  ];
  const here = line({ conversationId: 'c', __v: 0 }, messages);
  const there = line({ conversationId: 'c', _meiliIndex: true, __v: 1 }, messages.toReversed());
  assert.equal(here.digest, there.digest);
  assert.deepEqual(chatDifferences(here, there), []);
});

test('names every document and field that is not the same', () => {
  const cases: readonly (readonly [string, BundleLine, BundleLine, object[]])[] = [
    [
      'title',
      line({ conversationId: 'c', title: 'x' }, []),
      line({ conversationId: 'c', title: 'y' }, []),
      [{ what: 'conversation', id: '"c"', field: 'title', how: 'differs', here: '"x"', there: '"y"' }],
    ],
    [
      'field more',
      line({ conversationId: 'c', a: 1 }, []),
      line({ conversationId: 'c' }, []),
      [{ what: 'conversation', id: '"c"', field: 'a', how: 'unexpected', here: '1' }],
    ],
    [
      'field less',
      line({ conversationId: 'c' }, []),
      line({ conversationId: 'c', a: 1 }, []),
      [{ what: 'conversation', id: '"c"', field: 'a', how: 'missing', there: '1' }],
    ],
    [
      'conversation gone',
      line(null, []),
      line({ conversationId: 'c' }, []),
      [{ what: 'conversation', id: '"c"', how: 'missing' }],
    ],
    [
      'message more',
      line(null, [{ messageId: 'm' }]),
      line(null, []),
      [{ what: 'message', id: '"m"', how: 'unexpected' }],
    ],
    [
      'one of two of an id',
      line(null, [
        { messageId: 'm', t: 1 },
        { messageId: 'm', t: 2 },
      ]),
      line(null, [
        { messageId: 'm', t: 3 },
        { messageId: 'm', t: 1 },
      ]),
      [{ what: 'message', id: '"m"', field: 't', how: 'differs', here: '2', there: '3' }],
    ],
    [
      'order of fields',
      line(null, [{ messageId: 'm', a: 1, b: 2 }]),
      line(null, [{ messageId: 'm', b: 2, a: 1 }]),
      [
        {
          what: 'message',
          id: '"m"',
          how: 'differs',
          here: '{"messageId":"m","a":1,"b":2}',
          there: '{"messageId":"m","b":2,"a":1}',
        },
      ],
    ],
    [
      'copy',
      line(null, [], [{ conversationId: 'c', x: 1 }]),
      line(null, []),
      [{ what: 'copy', id: '"c"', how: 'unexpected' }],
    ],
    [
      'owner',
      line(null, []),
      line(null, [], [], { user_id: 'v', conversation_id: null }),
      [{ what: 'owner', how: 'differs', here: 'c of user u', there: 'no id of user v' }],
    ],
  ];
  for (const [name, here, there, expected] of cases) {
    assert.deepEqual(chatDifferences(here, there), expected, name);
    assert.notEqual(here.digest, there.digest, name);
  }
});

test('long values are shown from where they part', () => {
  const words = 'word '.repeat(50);
  const [difference] = chatDifferences(
    line(null, [{ messageId: 'm', text: `${words}one` }]),
    line(null, [{ messageId: 'm', text: `${words}two` }]),
  );
  assert.ok(difference?.here?.startsWith('…') === true && difference.here.endsWith('one"'));
  assert.ok(difference.there?.endsWith('two"') === true);
});
