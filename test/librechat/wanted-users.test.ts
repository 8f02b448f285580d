import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RejectPolicy } from '../../src/rejects.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';

const from = 'samples/librechat/dump';

async function read(input: Omit<LibrechatSourceOptions, 'records'>, onReject: RejectPolicy = 'stop') {
  const records: Conversation[] = [];
  const report = await pipeline(librechatSource({ from, ...input }), { onReject })
    .to(async (stream: AsyncIterable<Conversation>) => {
      for await (const record of stream) records.push(record);
    })
    .run();
  return { records, report };
}

describe('users that are asked for', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-wanted-users-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const { name, users, message } of [
    {
      name: 'a letter wrong',
      users: ['user00@example.org'],
      message: 'no user user00@example.org (did you mean user000@example.org?)',
    },
    { name: 'nothing like it', users: ['x@y'], message: 'no user x@y' },
    { name: 'neither address nor id', users: ['ana'], message: 'no user ana' },
    { name: 'several', users: ['x@y', 'z@y'], message: 'no user x@y, no z@y' },
  ]) {
    test(`are an error when none of them is there: ${name}`, async () => {
      await assert.rejects(read({ users }), {
        code: 'ETL_SOURCE_NOT_FOUND',
        message: `there is ${message}`,
        hint: /etl librechat users/,
      });
    });
  }

  test('are rejected one by one when others are there, whose chats come all the same', async () => {
    const to = join(directory, 'rejects.jsonl');
    const users = ['USER000@example.org', 'usr000@example.org', 'x@y'];
    const { records, report } = await read({ users }, { to });
    assert.ok(records.length > 0);
    assert.ok(records.every(({ owner }) => owner.email === 'user000@example.org'));
    assert.equal(report.counts.rejected, 2);
    const lines = (await readFile(to, 'utf8')).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { record: unknown }).record),
      [{ user: 'usr000@example.org' }, { user: 'x@y' }],
    );
    await assert.rejects(read({ users }), { code: 'ETL_RECORD_REJECTED', message: /did you mean user000@example.org/ });
  });

  test('may be ids of accounts that are gone', async () => {
    const { records } = await read({ users: ['000000000000000000000000'] });
    assert.deepEqual(records, []);
  });

  test('come from a file, with remarks and empty lines; one without any is an error', async () => {
    const usersFile = join(directory, 'users.txt');
    await writeFile(usersFile, '# ours\r\n\r\n  user000@example.org # Ana\n');
    const { records } = await read({ usersFile });
    assert.ok(records.length > 0);
    await writeFile(usersFile, '# none\n');
    await assert.rejects(read({ usersFile }), { code: 'ETL_SOURCE_INVALID' });
    await assert.rejects(read({ usersFile: join(directory, 'nowhere') }), { code: 'ETL_SOURCE_NOT_FOUND' });
  });
});
