// Other ways from JSON lines into the table of the PostgreSQL bench, as one would write them.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Transform } from 'node:stream';

import pg from 'pg';

import type { BenchMessage } from './data.ts';

/** The columns of the table, and the field that fills each. */
export const columns: Readonly<Record<string, keyof BenchMessage>> = {
  message_id: 'messageId',
  conversation_id: 'conversationId',
  parent_id: 'parentMessageId',
  sender: 'sender',
  is_user: 'isCreatedByUser',
  created_at: 'createdAt',
  tokens: 'tokenCount',
  body: 'text',
  content: 'content',
};
const names: readonly string[] = Object.keys(columns);

/** A message's values in the order of the columns, as the driver takes them. */
function valuesOf(line: string): unknown[] {
  const message = JSON.parse(line) as BenchMessage;
  return Object.values(columns).map((field) =>
    field === 'content' ? JSON.stringify(message.content) : message[field],
  );
}

/** A line of COPY's text format. */
export function copyLine(line: string): string {
  const fields = valuesOf(line).map((value) =>
    value === null
      ? '\\N'
      : String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t'),
  );
  return `${fields.join('\t')}\n`;
}

/** The first line that psql answers with, or nothing when there is none. */
export function psqlVersion(): string | undefined {
  const { status, stdout } = spawnSync('psql', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

export function psqlCopy(url: string, table: string, file: string): void {
  execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url, '-c', `\\copy ${table} from '${file}'`]);
}

/** INSERTs with so many rows each, prepared once, in one transaction: the kindest way to write them. */
export async function insertRows(url: string, table: string, file: string, rowsAtOnce: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let records = 0;
  let waiting: unknown[] = [];
  const send = async (): Promise<void> => {
    const rows = waiting.length / names.length;
    if (rows === 0) return;
    const row = (at: number): string => `(${names.map((_, place) => `$${at * names.length + place + 1}`).join(',')})`;
    const values = Array.from({ length: rows }, (_, at) => row(at)).join(',');
    await client.query({ name: `insert ${rows}`, text: `insert into ${table} values ${values}`, values: waiting });
    waiting = [];
  };
  await client.query('begin');
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    for (const value of valuesOf(line)) waiting.push(value);
    records += 1;
    if (records % rowsAtOnce === 0) await send();
  }
  await send();
  await client.query('commit');
  await client.end();
  return records;
}

/** One INSERT after the other, each a transaction, as one writes it first; only so many rows. */
export async function insertOneByOne(url: string, table: string, file: string, rows: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const text = `insert into ${table} values (${names.map((_, place) => `$${place + 1}`).join(',')})`;
  let records = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    await client.query(text, valuesOf(line));
    records += 1;
    if (records === rows) break;
  }
  await client.end();
  return records;
}

const peers = join(tmpdir(), 'etl-bench-data', 'peers');

/** What is used of the npm package `etl` (node-etl). */
interface NodeEtl {
  split(): Transform;
  map(make: (piece: { readonly text: string }) => unknown): Transform;
  readonly postgres: {
    script(pool: unknown, schema: string, table: string, options: object): Transform;
    execute(pool: unknown): Readable & Transform;
  };
}

/** Installs the packages to compare with beside the data, once. */
export function installPeers(): void {
  if (existsSync(join(peers, 'node_modules', 'etl'))) return;
  execFileSync('npm', ['install', '--no-save', '--silent', '--prefix', peers, 'etl@0.8.0'], { stdio: 'inherit' });
}

/** node-etl as its guide has it: lines, records, scripted INSERTs of a megabyte, executed over a pool. */
export async function nodeEtl(url: string, table: string, file: string, connections: number): Promise<number> {
  const etl = createRequire(join(peers, 'package.json'))('etl') as NodeEtl;
  const pool = new pg.Pool({ connectionString: url, max: connections });
  let records = 0;
  const out = createReadStream(file)
    .pipe(etl.split())
    .pipe(
      etl.map(({ text }) => {
        if (text === '') return undefined;
        records += 1;
        const message = JSON.parse(text) as BenchMessage;
        return Object.fromEntries(Object.entries(columns).map(([name, field]) => [name, message[field]]));
      }),
    )
    .pipe(etl.postgres.script(pool, 'public', table, {}))
    .pipe(etl.postgres.execute(pool));
  out.resume();
  await once(out, 'end');
  await pool.end();
  return records;
}
