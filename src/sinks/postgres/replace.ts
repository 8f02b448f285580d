import { describeTable, qualifiedName } from '../../connections/postgres-table.ts';
import type { PostgresClient } from '../../connections/postgres.ts';

/** The table that takes new rows until they take the place of the old ones. */
export interface Replacement {
  /** Makes it like the target, or finds the one of the run that is being resumed; gives its name, or the target's own when there is none yet. */
  open(isResumed: boolean, sample: readonly unknown[] | undefined): Promise<string>;
  /** Puts the new rows in the place of the old ones, in one transaction. */
  swap(): Promise<void>;
}

/**
 * Loads into a table beside the target and swaps the rows at the end: readers see the old rows until then, and a run that
 * fails leaves them as they are. The target table itself stays, with its rights, views and references.
 */
export function replacement(client: PostgresClient, table: string): Replacement {
  const beside = besideOf(table);
  let isNew = false;
  return {
    async open(isResumed, sample) {
      if ((await describeTable(client, table)) === undefined && sample !== undefined) {
        isNew = true;
        return table;
      }
      if (!isResumed) await client.query(`drop table if exists ${beside}`);
      await client.query(`create table if not exists ${beside} (like ${table} including all)`);
      return beside;
    },
    async swap() {
      if (isNew) return;
      const there = (await describeTable(client, beside)) !== undefined;
      await client.query('begin');
      await client.query(`delete from ${table}`);
      if (there) {
        await client.query(`insert into ${table} overriding system value select * from ${beside}`);
        await client.query(`drop table ${beside}`);
      }
      await client.query('commit');
    },
  };
}

function besideOf(table: string): string {
  const parts = table.match(/"(?:[^"]|"")*"/g) ?? [];
  const last = (parts.at(-1) ?? '""').slice(1, -1).replaceAll('""', '"');
  return [...parts.slice(0, -1), qualifiedName(`"${`${last.slice(0, 50)}_etl_new`.replaceAll('"', '""')}"`)].join('.');
}
