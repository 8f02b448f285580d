import { describeTable, qualifiedName } from '../../connections/postgres-table.ts';
import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';

/** Where the new rows wait: beside the target, or in it when the run itself made it. */
export type Place = 'beside' | 'target';

/** The table that takes new rows until they take the place of the old ones. */
export interface Replacement {
  /** Makes the table, or finds the one of the run that is being resumed. Gives its name, and where it is. */
  open(createsTarget: boolean): Promise<{ readonly table: string; readonly place: Place }>;
  /** Puts the new rows in the place of the old ones, in one transaction. */
  swap(): Promise<void>;
}

/**
 * Loads into a table beside the target and swaps the rows at the end: readers see the old rows until then, and a run that
 * fails leaves them as they are. The target table itself stays, with its rights, views and references.
 *
 * `resumed` is where an earlier attempt of the run put its rows; nothing when there was none.
 *
 * @throws {EtlError} `ETL_SINK_CHANGED` when the rows of the earlier attempt are gone.
 */
export function replacement(client: PostgresClient, table: string, resumed: Place | undefined): Replacement {
  const beside = besideOf(table);
  const isThere = async (name: string): Promise<boolean> => (await describeTable(client, name)) !== undefined;
  let place = resumed;
  return {
    async open(createsTarget) {
      if (resumed === 'beside' && !(await isThere(beside))) {
        throw new EtlError(
          'ETL_SINK_CHANGED',
          `table ${beside}, which holds what this run has written so far, is gone`,
        );
      }
      if (resumed === undefined) {
        place = createsTarget && !(await isThere(table)) ? 'target' : 'beside';
        if (place === 'beside') {
          await client.query(`drop table if exists ${beside}`);
          await client.query(`create table ${beside} (like ${table} including all)`);
        }
      }
      return place === 'beside' ? { table: beside, place } : { table, place: 'target' };
    },
    async swap() {
      if (place === 'target') return;
      const there = await isThere(beside);
      // A run that was killed after the swap and before it could say so finds nothing left to do.
      if (place === 'beside' && !there) return;
      await client.query('begin');
      await client.query(`delete from ${table}`);
      // Without a place nothing was written now: what is beside the target is left of another run.
      if (there && place === 'beside')
        await client.query(`insert into ${table} overriding system value select * from ${beside}`);
      await client.query(`drop table if exists ${beside}`);
      await client.query('commit');
    },
  };
}

function besideOf(table: string): string {
  const parts = table.match(/"(?:[^"]|"")*"/g) ?? [];
  const last = (parts.at(-1) ?? '""').slice(1, -1).replaceAll('""', '"');
  return [...parts.slice(0, -1), qualifiedName(`"${`${last.slice(0, 50)}_etl_new`.replaceAll('"', '""')}"`)].join('.');
}
