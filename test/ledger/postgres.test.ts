import assert from 'node:assert/strict';
import { test } from 'node:test';

import { closePostgres, openPostgres } from '../../src/connections/postgres.ts';
import { EtlError } from '../../src/errors.ts';
import type { Json } from '../../src/json.ts';
import { postgresLedger } from '../../src/ledger/postgres.ts';
import { noCounts } from '../../src/report.ts';
import type { Progress } from '../../src/stage.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

const progress = (written: number): Progress => ({
  version: 1,
  run: '5d0b4a9e-0f4d-4c3e-9a73-0a4c8f6f2a11',
  pipeline: 'p',
  digest: 'd',
  config: { name: 'p' },
  status: 'running',
  position: { seq: written, read: written, bytes: written, at: written, states: {} },
  sink: null,
  counts: { ...noCounts, read: written, written },
  rejectBytes: 0,
  attempts: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  savedAt: '2026-01-01T00:00:00.000Z',
  elapsedMs: 1,
});
const code = (expected: string) => (error: unknown) => error instanceof EtlError && error.code === expected;
const identity = { pipeline: 'p' };

test('gives what was saved last, by itself or in a transaction of the sink', async () => {
  const url = await (await postgresForTests()).database();
  const ledger = postgresLedger(url, 't', identity);
  assert.equal(await ledger.peek(), undefined);
  assert.equal(await ledger.open(), undefined);
  await ledger.save(progress(1));
  const client = await openPostgres(url);
  await client.query('begin');
  await ledger.saveIn(client, progress(2) as unknown as Json);
  assert.deepEqual(await ledger.peek(), progress(1));
  await client.query('commit');
  await closePostgres(client);
  await ledger.close();
  const again = postgresLedger(url, 't', identity);
  assert.deepEqual(await again.open(), progress(2));
  await again.reset();
  assert.equal(await again.peek(), undefined);
  await again.close();
});

test('a second run is refused; other pipelines and targets are not', async () => {
  const url = await (await postgresForTests()).database();
  const first = postgresLedger(url, 't', identity);
  await first.open();
  await assert.rejects(postgresLedger(url, 't', identity).open(), code('ETL_RUN_LOCKED'));
  for (const other of [postgresLedger(url, 'u', identity), postgresLedger(url, 't', { pipeline: 'q' })]) {
    await other.open();
    await other.close();
  }
  await first.close();
  const next = postgresLedger(url, 't', identity);
  await next.open();
  await next.close();
});

test('who lost its connection and was replaced cannot save any more', async () => {
  const server = await postgresForTests();
  const url = await server.database();
  const thoughtDead = postgresLedger(url, 't', identity);
  await thoughtDead.open();
  await server.terminate(url);
  const successor = postgresLedger(url, 't', identity);
  await successor.open();
  await successor.save(progress(3));
  const client = await openPostgres(url);
  await client.query('begin');
  await assert.rejects(thoughtDead.saveIn(client, progress(9) as unknown as Json), code('ETL_RUN_LOCKED'));
  await client.query('rollback');
  await closePostgres(client);
  await assert.rejects(thoughtDead.save(progress(9)));
  assert.deepEqual(await successor.peek(), progress(3));
  await thoughtDead.close();
  await successor.close();
});

test('a server that is not there, a wrong password and a missing database each have their code', async () => {
  const url = new URL(await (await postgresForTests()).database());
  const withPart = (part: Partial<URL>): string => Object.assign(new URL(url), part).href;
  await assert.rejects(openPostgres(withPart({ port: '1' })), code('ETL_CONNECT_FAILED'));
  await assert.rejects(
    openPostgres(withPart({ password: 'guess-me' })),
    (error) => code('ETL_AUTH_FAILED')(error) && !String(error).includes('guess-me'),
  );
  await assert.rejects(openPostgres(withPart({ pathname: '/nowhere' })), code('ETL_SOURCE_NOT_FOUND'));
});

test('two runs that start at once create the schema once', async () => {
  const url = await (await postgresForTests()).database();
  const ledgers = ['a', 'b', 'c', 'd'].map((target) => postgresLedger(url, target, identity));
  await Promise.all(ledgers.map((ledger) => ledger.open()));
  await Promise.all(ledgers.map((ledger) => ledger.close()));
  const [row] = await query(url, 'select count(*)::int as runs from etl.run');
  assert.deepEqual(row, { runs: 4 });
});
