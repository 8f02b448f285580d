import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import pg from 'pg';

import type { Conversation } from '../../../src/models/conversation.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { onyxSink } from '../../../src/sinks/onyx.ts';
import { arraySource } from '../../helpers/memory.ts';
import { onyxChats } from '../../helpers/onyx/conversations.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../../helpers/onyx/database.ts';

type Send = (this: pg.Client, ...values: unknown[]) => unknown;

/** Imports while something happens to one statement: the `nth` of those that begin with `text`. */
async function importWith(
  connectionString: string,
  text: string,
  nth: number,
  happens: (send: () => unknown) => unknown,
) {
  const query = pg.Client.prototype.query as Send;
  let seen = 0;
  const replaced = mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...values: unknown[]) {
    const send = (): unknown => query.apply(this, values);
    if (typeof values[0] !== 'string' || !values[0].trim().startsWith(text)) return send();
    seen += 1;
    return seen === nth ? happens(send) : send();
  } as typeof pg.Client.prototype.query);
  try {
    return await pipeline(arraySource<Conversation>(onyxChats(24), { batchSize: 3 }))
      .to(onyxSink({ connectionString, batchRecords: 6 }))
      .run();
  } finally {
    replaced.mock.restore();
    assert.ok(seen >= nth, 'it happened');
  }
}

const reset = (): Error => Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' });
const deadlock = (): Error => Object.assign(new Error('deadlock detected'), { code: '40P01', severity: 'ERROR' });

const cases: readonly (readonly [string, string, number, (send: () => unknown) => unknown])[] = [
  ['before a COMMIT', 'commit', 3, () => Promise.reject(reset())],
  ['after a COMMIT that took place', 'commit', 3, async (send) => Promise.reject((await send(), reset()))],
  ['in the middle of a transaction', 'insert into tool_call', 2, () => Promise.reject(reset())],
  ['by a deadlock', 'insert into chat_message ', 2, () => Promise.reject(deadlock())],
];

test('a transaction that is broken off is repeated, and each chat arrives once:', async (t) => {
  const whole = await onyxDatabase();
  await importWith(whole, 'commit', 1, (send) => send());
  const expected = await onyxContent(whole);
  for (const [name, text, nth, happens] of cases) {
    await t.test(name, async () => {
      const url = await onyxDatabase();
      const report = await importWith(url, text, nth, happens);
      assert.deepEqual([report.counts.written, report.counts.skipped, report.counts.rejected], [24, 0, 0]);
      assert.match(JSON.stringify(report), /tried again after/);
      assert.deepEqual(await onyxInvariants(url), []);
      assert.deepEqual(await onyxContent(url), expected);
    });
  }
});
