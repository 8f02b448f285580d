import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import pg from 'pg';

import type { Conversation } from '../../../src/models/conversation.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { onyxSink } from '../../../src/sinks/onyx.ts';
import { arraySource } from '../../helpers/memory.ts';
import { onyxChats } from '../../helpers/onyx/conversations.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../../helpers/onyx/database.ts';
import { query } from '../../helpers/postgres.ts';

type Send = (this: pg.Client, ...values: unknown[]) => unknown;

/** Imports while something happens to one statement: the `nth` of those that begin with `text`. */
async function importWith(
  connectionString: string,
  text: string,
  nth: number,
  happens: (send: () => unknown) => unknown,
  connections = 1,
) {
  const original = pg.Client.prototype.query as Send;
  let seen = 0;
  const replaced = mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...values: unknown[]) {
    const send = (): unknown => original.apply(this, values);
    const [statement] = values;
    // A COPY is an object that has the statement as its text.
    const sql = typeof statement === 'string' ? statement : (statement as { readonly text?: string }).text;
    if (sql?.trim().startsWith(text) !== true) return send();
    seen += 1;
    return seen === nth ? happens(send) : send();
  } as typeof pg.Client.prototype.query);
  try {
    return await pipeline(arraySource<Conversation>(onyxChats(24), { batchSize: 3 }))
      .to(onyxSink({ connectionString, batchRecords: 6, connections }))
      .run();
  } finally {
    replaced.mock.restore();
    assert.ok(seen >= nth, 'it happened');
  }
}

const reset = (): Error => Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' });
const deadlock = (): Error => Object.assign(new Error('deadlock detected'), { code: '40P01', severity: 'ERROR' });

const serialization = (): Error =>
  Object.assign(new Error('could not serialize access'), { code: '40001', severity: 'ERROR' });

const cases: readonly (readonly [string, string, number, (send: () => unknown) => unknown])[] = [
  ['before a COMMIT', 'commit', 3, () => Promise.reject(reset())],
  ['after a COMMIT that took place', 'commit', 3, async (send) => Promise.reject((await send(), reset()))],
  ['in the middle of a transaction', 'savepoint', 2, () => Promise.reject(reset())],
  ['by a deadlock', 'release savepoint', 2, () => Promise.reject(deadlock())],
  ['by a serialization failure', 'insert into etl.onyx_load', 2, () => Promise.reject(serialization())],
  ['while it is decided what to write', 'select key, digest', 2, () => Promise.reject(reset())],
];

test('a transaction that is broken off is repeated, and each chat arrives once:', async (t) => {
  const whole = await onyxDatabase();
  await importWith(whole, 'commit', 1, (send) => send());
  const expected = await onyxContent(whole);
  const runs = cases.flatMap((one) => [1, 2].map((connections) => [connections, ...one] as const));
  for (const [connections, name, text, nth, happens] of runs) {
    await t.test(`${name}, on ${connections} connections`, async () => {
      const url = await onyxDatabase();
      const report = await importWith(url, text, nth, happens, connections);
      assert.deepEqual([report.counts.written, report.counts.skipped, report.counts.rejected], [24, 0, 0]);
      assert.match(JSON.stringify(report), /tried again after/);
      assert.deepEqual(await onyxInvariants(url), []);
      assert.deepEqual(await onyxContent(url), expected);
    });
  }
});

test('the server ends the session in the middle of a COPY, and each chat arrives once', async () => {
  const whole = await onyxDatabase();
  await importWith(whole, 'commit', 1, (send) => send());
  for (const connections of [1, 2]) {
    const url = await onyxDatabase();
    const report = await importWith(
      url,
      'copy chat_message ',
      2,
      (send) => {
        const stream = send();
        // The rows are still being sent when the session is gone.
        void query(url, "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy chat_message%'");
        return stream;
      },
      connections,
    );
    assert.deepEqual([report.counts.written, report.counts.skipped, report.counts.rejected], [24, 0, 0]);
    assert.deepEqual(await onyxInvariants(url), []);
    assert.deepEqual(await onyxContent(url), await onyxContent(whole));
  }
});

test('two imports of the same conversations at once bring each in once', async () => {
  const url = await onyxDatabase();
  const load = (name: string) =>
    pipeline(arraySource<Conversation>(onyxChats(60), { batchSize: 3 }), { name })
      .to(onyxSink({ connectionString: url, batchRecords: 6, connections: 2 }))
      .run();
  const reports = await Promise.all([load('one'), load('two')]);
  const sum = (of: (counts: (typeof reports)[number]['counts']) => number): number =>
    reports.reduce((total, { counts }) => total + of(counts), 0);
  assert.deepEqual([sum(({ written }) => written), sum(({ skipped }) => skipped)], [60, 60]);
  assert.deepEqual(await onyxInvariants(url), []);
});
