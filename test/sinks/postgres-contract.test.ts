import { createHash } from 'node:crypto';

import { postgresSink, type PostgresSinkOptions } from '../../src/sinks/postgres.ts';
import { testSink, type IfExistsMode } from '../../src/testing/index.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

const database = (async () => (await postgresForTests()).database())();

/** A table for each folder of the contract. */
function tableOf(directory: string): string {
  return `t_${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
}

async function makeTable(directory: string): Promise<string> {
  const table = tableOf(directory);
  await query(await database, `create table if not exists ${table} (id bigint primary key, text text, doc jsonb)`);
  return table;
}

async function read(directory: string): Promise<readonly unknown[]> {
  const rows = await query(await database, `select doc from ${await makeTable(directory)} order by id`);
  return rows.map(({ doc }) => doc);
}

const ways: readonly { name: string; options: Partial<PostgresSinkOptions> }[] = [
  { name: 'postgres, append', options: {} },
  { name: 'postgres, append over three connections', options: { connections: 3 } },
  { name: 'postgres, upsert', options: { mode: 'upsert' } },
  { name: 'postgres, skip-existing over two connections', options: { mode: 'skip-existing', connections: 2 } },
];

for (const { name, options } of ways) {
  testSink(
    async (directory) =>
      postgresSink({
        connectionString: await database,
        table: await makeTable(directory),
        columns: { id: 'id', text: 'text' },
        document: 'doc',
        batchRecords: 3,
        ...options,
      }),
    {
      name,
      read,
      takesSamples: options.mode !== undefined,
      // A number that is no bigint, and what is no record at all, have no key.
      unwritable: [{ id: 'one', text: 'a' }, { id: 2 ** 70 }, 'text', null],
    },
  );
}

/** A table without a key, which a run may be added to. */
async function makeDocuments(directory: string): Promise<string> {
  const table = `d_${tableOf(directory)}`;
  await query(await database, `create table if not exists ${table} (n bigserial, doc jsonb not null)`);
  return table;
}

testSink(
  async (directory, { ifExists = 'append' }: { readonly ifExists?: IfExistsMode }) =>
    postgresSink({
      connectionString: await database,
      table: await makeDocuments(directory),
      document: 'doc',
      batchRecords: 3,
      mode: ifExists === 'replace' ? 'replace' : 'append',
    }),
  {
    name: 'postgres, documents',
    read: async (directory) => {
      const rows = await query(await database, `select doc from ${await makeDocuments(directory)} order by n`);
      return rows.map(({ doc }) => doc);
    },
    takesSamples: false,
    ifExists: ['append', 'replace'],
  },
);
