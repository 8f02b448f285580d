import assert from 'node:assert/strict';
import { test } from 'node:test';

import { closePostgres, isRetryablePostgres, openPostgres, postgresError } from '../../src/connections/postgres.ts';
import { postgresForTests } from '../helpers/postgres.ts';

test('tells by SQLSTATE what an error of the server is, and whether to try again', async (t) => {
  const client = await openPostgres(await (await postgresForTests()).database());
  t.after(() => closePostgres(client));
  const table: readonly (readonly [sqlState: string, code: string, again: boolean])[] = [
    ['08006', 'ETL_CONNECT_FAILED', true],
    ['57P01', 'ETL_CONNECT_FAILED', true],
    ['57P02', 'ETL_CONNECT_FAILED', true],
    ['57P03', 'ETL_CONNECT_FAILED', true],
    ['57P05', 'ETL_CONNECT_FAILED', true],
    ['57P04', 'ETL_SINK_FAILED', false],
    ['40P01', 'ETL_SINK_FAILED', true],
    ['40001', 'ETL_SINK_FAILED', true],
    ['53300', 'ETL_SINK_FAILED', true],
    ['55P03', 'ETL_SINK_FAILED', true],
    ['57014', 'ETL_SINK_FAILED', false],
    ['22001', 'ETL_SINK_FAILED', false],
    ['28P01', 'ETL_AUTH_FAILED', false],
    ['42501', 'ETL_AUTH_FAILED', false],
    ['3D000', 'ETL_SOURCE_NOT_FOUND', false],
  ];
  for (const [sqlState, code, again] of table) {
    await assert.rejects(
      client.query(`do $$ begin raise exception 'said by the server' using errcode = '${sqlState}'; end $$`),
      (error: unknown) => {
        const ours = postgresError(error, 'ETL_SINK_FAILED');
        assert.equal(ours.code, code, sqlState);
        assert.match(ours.message, new RegExp(`said by the server.*\\[${sqlState}\\]`), sqlState);
        assert.deepEqual([isRetryablePostgres(error), isRetryablePostgres(ours)], [again, again], sqlState);
        return true;
      },
    );
  }
});
