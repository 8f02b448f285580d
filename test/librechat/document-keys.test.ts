import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { documentKeys, fileIdOf } from '../../src/librechat/document-keys.ts';
import { librechatFileIds, librechatGroupOf } from '../../src/mappings/librechat-chats.ts';
import type { Document } from '../../src/models/extended-json.ts';

const keysOf = (document: unknown) => {
  // In the middle of a larger buffer, as records lie.
  const bytes = Buffer.from(`[${JSON.stringify(document)}]`);
  return documentKeys(bytes, 1, bytes.length - 1);
};

const cases = [
  { document: { user: 'u', conversationId: 'c' }, expected: { userId: 'u', conversationId: 'c', fileIds: [] } },
  {
    document: { user: { $oid: 'abc' }, conversationId: null },
    expected: { userId: 'abc', conversationId: null, fileIds: [] },
  },
  { document: { conversationId: '' }, expected: { userId: '', conversationId: null, fileIds: [] } },
  { document: {}, expected: { userId: '', conversationId: null, fileIds: [] } },
  { document: 'no document', expected: { userId: '', conversationId: null, fileIds: [] } },
  {
    document: { user: 'u', conversationId: 'c', files: ['f1', 'f2', 7] },
    expected: { userId: 'u', conversationId: 'c', fileIds: ['f1', 'f2'] },
  },
  {
    document: {
      user: 'u',
      conversationId: 'c',
      files: [{ file_id: 'f1' }, null],
      attachments: [{ file_id: 'f2' }, { type: 'memory' }],
      content: [null, { type: 'image_file', image_file: { file_id: 'f3' } }, { type: 'text', text: '"file_id":"no"' }],
      metadata: { user: 'another', conversationId: 'another', files: [{ file_id: 'no' }] },
    },
    expected: { userId: 'u', conversationId: 'c', fileIds: ['f1', 'f2', 'f3'] },
  },
];

test('documentKeys', async (t) => {
  for (const { document, expected } of cases) {
    await t.test(JSON.stringify(document), () => assert.deepEqual(keysOf(document), expected));
  }
});

test('documentKeys finds in the text what decoding the whole document finds', () => {
  const names = ['user', 'conversationId', 'files', 'attachments', 'content', 'file_id', 'image_file', 'text'];
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary' }),
      fc.constantFrom(null, 1, true),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('any'), { maxKeys: 4 }),
    ),
  })).any;
  const documents = fc.dictionary(fc.constantFrom(...names), value);
  fc.assert(
    fc.property(documents, (document) => {
      const decoded = JSON.parse(JSON.stringify(document)) as Document;
      const { fileIds, ...group } = keysOf(decoded);
      assert.deepEqual(group, librechatGroupOf(decoded));
      assert.deepEqual([...fileIds].sort(), librechatFileIds(decoded).sort());
    }),
    { numRuns: 500 },
  );
});

test('fileIdOf reads only an id that is text', () => {
  for (const [document, expected] of [
    [{ file_id: 'f' }, 'f'],
    [{ file_id: 7 }, undefined],
    [{ nested: { file_id: 'f' } }, undefined],
  ] as const) {
    const bytes = Buffer.from(JSON.stringify(document));
    assert.equal(fileIdOf(bytes, 0, bytes.length), expected);
  }
});
