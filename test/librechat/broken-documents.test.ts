import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { BSON } from 'bson';

import { pipeline } from '../../src/pipeline.ts';
import type { Reject } from '../../src/rejects.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { discardSink } from '../../src/sinks/discard.ts';

const password = 'PLANTED-in-a-broken-document';

/** A user whose `emailVerified` is a boolean that is neither true nor false, with a password beside it. */
function brokenUser(): Uint8Array {
  const bytes = BSON.serialize({ email: 'eve@example.org', emailVerified: true, password });
  const name = Buffer.from('emailVerified\0');
  bytes[Buffer.from(bytes).indexOf(name) + name.length] = 7;
  return bytes;
}

describe('documents that cannot be read, of a dump', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-broken-documents-'));
  });
  after(() => rm(directory, { recursive: true }));

  const rejected = async (from: string): Promise<readonly Reject[]> => {
    const to = `${from}.rejects.jsonl`;
    await pipeline(librechatSource({ from }), { onReject: { to } }).to(discardSink()).run();
    const text = await readFile(to, 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Reject);
  };

  test('are told by collection and place, without their bytes', async () => {
    const from = join(directory, 'bson');
    await cp('samples/librechat/dump/LibreChat', from, { recursive: true });
    const users = await readFile(join(from, 'users.bson'));
    await writeFile(join(from, 'users.bson'), Buffer.concat([users, brokenUser()]));
    const [one, ...more] = await rejected(from);
    assert.deepEqual(more, []);
    assert.deepEqual(one?.record, { collection: 'users' });
    assert.match(one.reason, /a boolean is neither 0 nor 1/);
    assert.match(one.at, new RegExp(`users\\.bson, document \\d+, byte ${users.length}$`));
  });

  for (const [what, line] of [
    ['is not JSON', `{"_id":"u","password":"${password}",}`],
    ['has a broken type', `{"_id":{"$oid":"zzz"},"password":"${password}"}`],
    ['ends too early', `{"_id":"u","password":"${password}`],
  ] as const) {
    test(`are told by collection and place when a line of mongoexport ${what}`, async () => {
      const from = join(directory, what);
      await cp('samples/librechat/dump/LibreChat', from, { recursive: true });
      await rm(join(from, 'users.bson'));
      await rm(join(from, 'users.metadata.json'));
      await writeFile(join(from, 'users.json'), `{"_id":"v"}\n${line}\n`);
      const rejects = await rejected(from);
      assert.deepEqual(
        rejects.map(({ record }) => record),
        [{ collection: 'users' }],
      );
      assert.match(rejects[0]?.at ?? '', /users\.json/);
      assert.ok(!JSON.stringify(rejects).includes(password));
    });
  }
});
