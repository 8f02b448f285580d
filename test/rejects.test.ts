import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { EtlError } from '../src/errors.ts';
import { RejectLog, rejectReason, type Reject } from '../src/rejects.ts';

async function file(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-rejects-'));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, 'deep', 'rejects.jsonl');
}

const reject = (record: unknown, reason = 'bad'): Reject => ({
  stage: 's',
  code: 'ETL_RECORD_INVALID',
  reason,
  at: 'in.jsonl:1',
  record,
});
const records = async (path: string): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as Reject).record);

test('writes what is committed, in the order of the input whichever stage was first', async (t) => {
  const to = await file(t);
  const log = new RejectLog({ to }, 0);
  await log.open(undefined);
  log.add(reject('b2'), { seq: 2, stage: 1 }, 10);
  log.add(reject('c3'), { seq: 3, stage: 1 }, 10);
  log.add(reject('a1'), { seq: 1, stage: 2 }, 10);
  log.add(reject('b1'), { seq: 2, stage: 0 }, 10);
  assert.equal(await log.flush(2), 3);
  assert.deepEqual(await records(to), ['a1', 'b1', 'b2']);
  assert.equal(log.length, (await stat(to)).size);
  assert.equal(await log.flush(2), 0);
  assert.equal(await log.flush(3), 1);
  await log.close();
  assert.deepEqual(await records(to), ['a1', 'b1', 'b2', 'c3']);
});

test('cuts off what came after the last commit when it is opened again', async (t) => {
  const to = await file(t);
  const first = new RejectLog({ to }, 0);
  await first.open(undefined);
  first.add(reject(1), { seq: 1, stage: 1 }, 1);
  await first.flush(1);
  const committed = first.length;
  first.add(reject(2), { seq: 2, stage: 1 }, 2);
  await first.flush(2);
  await first.close();
  const second = new RejectLog({ to }, 1);
  await second.open(committed);
  second.add(reject('two again'), { seq: 2, stage: 1 }, 2);
  await second.flush(2);
  await second.close();
  assert.deepEqual(await records(to), [1, 'two again']);
});

test('keeps what a file held before the run, and keeps others from reading it', async (t) => {
  const to = await file(t);
  for (const value of ['earlier', 'later']) {
    const log = new RejectLog({ to }, 0);
    await log.open(undefined);
    log.add(reject(value), { seq: 1, stage: 1 }, 1);
    await log.flush(1);
    await log.close();
  }
  assert.deepEqual(await records(to), ['earlier', 'later']);
  assert.equal((await stat(to)).mode & 0o077, 0);
});

test('a record without a JSON form is kept as text', async (t) => {
  const to = await file(t);
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const log = new RejectLog({ to }, 0);
  await log.open(undefined);
  for (const value of [undefined, 5n, cycle]) log.add(reject(value), { seq: 1, stage: 1 }, 1);
  await log.flush(1);
  await log.close();
  assert.deepEqual(await records(to), ['undefined', '5', '[object Object]']);
});

test('a device may take the rejects', async () => {
  const log = new RejectLog({ to: '/dev/null' }, 0);
  await log.open(undefined);
  log.add(reject(1), { seq: 1, stage: 1 }, 1);
  assert.equal(await log.flush(1), 1);
  await log.close();
});

const refused = [
  { name: 'stop: the first one', policy: 'stop' as const, before: 0, read: 1, code: 'ETL_RECORD_REJECTED' },
  {
    name: 'max: those of earlier attempts count',
    policy: { to: '/dev/null', max: 3 },
    before: 3,
    read: 9,
    code: 'ETL_TOO_MANY_REJECTS',
  },
  {
    name: 'max 0: the first one',
    policy: { to: '/dev/null', max: 0 },
    before: 0,
    read: 1,
    code: 'ETL_TOO_MANY_REJECTS',
  },
  {
    name: 'maxRatio: past the share',
    policy: { to: '/dev/null', maxRatio: 0.01 },
    before: 100,
    read: 10_000,
    code: 'ETL_TOO_MANY_REJECTS',
  },
];

test('a reject past the policy stops the run', async (t) => {
  for (const { name, policy, before, read, code } of refused) {
    await t.test(name, () => {
      const log = new RejectLog(policy, before);
      assert.throws(
        () => log.add(reject({ id: 'm1' }), { seq: 1, stage: 1 }, read),
        (error) => error instanceof EtlError && error.code === code && error.where.stage === 's',
      );
    });
  }
});

test('within the policy nothing is thrown, and the most frequent reasons come first', () => {
  const log = new RejectLog({ to: '/dev/null', max: 10, maxRatio: 0.5 }, 0);
  for (const reason of ['rare', 'often', 'often']) log.add(reject(1, reason), { seq: 1, stage: 1 }, 5);
  assert.deepEqual(
    log.reasons().reasons.map(({ reason, count }) => [reason, count]),
    [
      ['often', 2],
      ['rare', 1],
    ],
  );
  const most = log.reasons(1);
  assert.deepEqual([most.reasons.map(({ reason }) => reason), most.moreReasons], [['often'], 1]);
});

test('what to do goes with a reject where the error says more than its code', () => {
  const hinted = new EtlError('ETL_REQUEST_FAILED', 'no graph', { hint: 'Deploy it there.' });
  assert.deepEqual(rejectReason(hinted), { code: 'ETL_REQUEST_FAILED', reason: 'no graph', hint: 'Deploy it there.' });
  assert.deepEqual(rejectReason(new EtlError('ETL_REQUEST_FAILED', 'no graph')), {
    code: 'ETL_REQUEST_FAILED',
    reason: 'no graph',
  });
});
