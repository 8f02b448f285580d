// How near to psql's \copy does loading JSON lines come, and how far ahead of INSERTs is it?
// Command: npm run bench -- postgres-copy
// Data:    200 MB of messages of 1.7 KB (bench/data.ts, seed 1): 114,000 rows of text, jsonb, time, number and boolean, with a
//          primary key and a check. psql gets the same rows ready-encoded; the others parse the JSON
// Machine: 2 cores x86-64 for client and server, PostgreSQL 18 with its default settings (built without lz4), psql 15, Node 20.20,
//          2026-11-21, otherwise idle, median of 2 rounds; INSERT of 500 rows: one round with the first three (3.03, 2.70, 2.31 s)
//
// | variant                                | records/s | wall s | CPU s | peak MB | ratio |
// | psql \copy of rows ready-encoded       |      37 k |   3.12 |     - |      70 |  1.00 |
// | one connection                         |      43 k |   2.63 |  1.42 |     155 |  1.19 |
// | two connections                        |      56 k |   2.05 |  1.30 |     188 |  1.53 |
// | one connection; 1 % bad rows           |      30 k |   3.84 |  1.59 |     164 |  0.81 |
// | INSERT row by row (5000 rows)          |    1 883  |   2.66 |  1.03 |     113 |     - |
// | INSERT of 500 rows each                |      18 k |   6.22 |  4.49 |     174 |  0.49 |
// | node-etl with two connections          |      11 k |  10.31 | 10.59 |     179 |  0.30 |
//
// Reading: on one connection as fast as psql with rows that are ready, although the JSON is parsed. The server takes binary rows
// with a quarter less work (2.0 s of processor time against 2.7), of which compressing with pglz is two fifths. Of our 1.2 s finding
// and checking the lines is a third, making the rows (in WebAssembly) and garbage collection are 0.2 s each. Two connections are held by the
// two cores: 3.3 s of processor time for both sides together cannot take less than 1.65 s. One bad row in a hundred takes 1.5 times
// the clean time (0.70 of its speed): each row is written to a stage and from there to the table. Against INSERTs of 500: 2.3 times
// as fast on one connection, 2.7 times on two; against node-etl 3.9 and 5.0 times; against INSERT row by row 23 times. Two
// connections were 1.31, 1.53, 1.55 and 1.59 times psql in four runs, the last but one after batches were read ahead singly (146 and
// 181 MB).
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';

import pg from 'pg';

import { pipeline } from '../src/pipeline.ts';
import { postgresSink, type PostgresSinkOptions } from '../src/sinks/postgres.ts';
import { jsonlSource } from '../src/sources/jsonl.ts';
import { messagesFile, type BenchMessage } from './data.ts';
import { bench, type Variant, type Work } from './harness.ts';
import {
  columns,
  copyLine,
  insertOneByOne,
  insertRows,
  installPeers,
  nodeEtl,
  psqlCopy,
  psqlVersion,
} from './postgres-peers.ts';
import { startPostgresServer } from './postgres-server.ts';

const megabytes = Number(process.env['ETL_BENCH_MEGABYTES'] ?? 200);
const input = await messagesFile(megabytes);
const ready = `${input}.copy`;
const faulty = `${input}.faulty`;
const table = 'messages';

/** One in a hundred messages breaks a rule that only the server knows. */
const isFaulty = (index: number): boolean => index % 100 === 42;

process.env['ETL_BENCH_POSTGRES'] ??= process.env['ETL_BENCH_VARIANT'] === undefined ? await startPostgresServer() : '';
const url = process.env['ETL_BENCH_POSTGRES'];

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

async function emptyTable(): Promise<void> {
  // Loaded before the clock starts, as the rest of the code is.
  await import('pg-copy-streams');
  await query(`drop schema if exists etl cascade; drop table if exists ${table}`);
  await query(
    `create table ${table} (message_id text primary key, conversation_id text not null, parent_id text, sender text,
     is_user boolean, created_at timestamptz, tokens int check (tokens >= 0), body text, content jsonb)`,
  );
  await query('checkpoint');
}

/** What is in the table, whatever the order of its rows. */
async function content(): Promise<string> {
  const [row] = await query(
    `select count(*)::text || ' ' || sum(hashtextextended(m::text, 0))::text as sum from ${table} m`,
  );
  return String(row?.['sum']);
}

async function sink(options: Partial<PostgresSinkOptions>, from = input): Promise<Work> {
  const to = postgresSink({ connectionString: url, table, columns, ...options });
  const { counts, bytesRead } = await pipeline(jsonlSource({ path: from }), {
    name: 'bench',
    onReject: { to: '/dev/null' },
  })
    .to(to)
    .run();
  return { records: counts.read, bytes: bytesRead, output: content };
}

/** The lines of the input in another form, made once. */
async function made(path: string, form: (line: string, index: number) => string): Promise<void> {
  if (existsSync(path)) return;
  async function* lines(): AsyncGenerator<string> {
    let index = 0;
    for await (const line of createInterface({ input: createReadStream(input) })) yield form(line, index++);
  }
  await nodePipeline(Readable.from(lines()), createWriteStream(`${path}.part`));
  await rename(`${path}.part`, path);
}

const inserts: readonly Variant[] = [
  { name: 'INSERT row by row in one transaction', rows: 1 },
  { name: 'INSERT of 500 rows each', rows: 500 },
].map(({ name, rows }) => ({
  name,
  prepare: emptyTable,
  run: async () => ({ records: await insertRows(url, table, input, rows), bytes: 0, output: content }),
}));

const psql: readonly Variant[] = [
  {
    name: 'psql \\copy of rows ready-encoded',
    prepare: emptyTable,
    run: () => {
      psqlCopy(url, table, ready);
      return { output: content };
    },
  },
];
const hasPsql = psqlVersion() !== undefined;
if (!hasPsql) console.log('skipped: psql \\copy (there is no psql)');

await bench({
  question: `JSON lines into PostgreSQL: ${megabytes} MB of messages of 1.7 KB, text + jsonb + time, primary key`,
  base: hasPsql ? 'psql \\copy of rows ready-encoded' : 'one connection',
  async data() {
    installPeers();
    await made(ready, copyLine);
    await made(faulty, (line, index) => {
      const message = JSON.parse(line) as BenchMessage;
      return `${JSON.stringify(isFaulty(index) ? { ...message, tokenCount: -1 } : message)}\n`;
    });
  },
  variants: [
    ...(hasPsql ? psql : []),
    {
      name: 'one connection',
      target: { ratio: 0.95, peakMegabytes: 250 },
      prepare: emptyTable,
      run: () => sink({}),
    },
    {
      name: 'two connections',
      target: { ratio: 1.3, peakMegabytes: 250 },
      prepare: emptyTable,
      run: () => sink({ connections: 2 }),
    },
    {
      name: 'one connection; 1 % bad rows',
      outputLike: 'the good rows',
      prepare: emptyTable,
      run: () => sink({}, faulty),
    },
    ...inserts,
    {
      name: 'INSERT row by row (5000 rows)',
      outputLike: 'the first rows',
      prepare: emptyTable,
      run: async () => ({ records: await insertOneByOne(url, table, input, 5000), output: content }),
    },
    {
      name: 'node-etl with two connections',
      // It breaks characters that lie across two reads of the file.
      outputLike: 'node-etl',
      prepare: emptyTable,
      run: async () => ({ records: await nodeEtl(url, table, input, 2), output: content }),
    },
  ],
});
