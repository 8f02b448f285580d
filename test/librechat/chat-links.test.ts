import assert from 'node:assert/strict';
import { test } from 'node:test';

import { packJob, packResult, unpackResult } from '../../src/librechat/chat-jobs.ts';
import { chatRecord, fileRef } from '../helpers/bundle.ts';

test('links to files come back from another thread, and are in no text of a record', () => {
  const files = [fileRef('f1', { link: () => 'https://bucket.example.com/f1?signature=PLANTED' }), fileRef('f2')];
  const record = chatRecord({ id: 'u1', email: null }, 'c1', ['hello'], files);
  // As a message between threads is copied.
  const job = packJob([], { includeArchived: true, includeTemporary: true });
  const [made] = unpackResult(structuredClone(packResult([{ records: [record], filtered: 0 }], job)));
  const links = made?.records[0]?.files.map(({ link }) => link?.());
  assert.deepEqual(links, ['https://bucket.example.com/f1?signature=PLANTED', undefined]);
  assert.ok(!JSON.stringify(made).includes('PLANTED'));
  assert.ok(!JSON.stringify(files).includes('PLANTED'));
});
