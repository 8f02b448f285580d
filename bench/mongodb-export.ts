// How fast does a MongoDB collection become JSON lines, against a loop over the driver's cursor?
// Command: ETL_BENCH_ROUNDS=1 npm run bench -- mongodb-export   (default: 1000 MB, 3 rounds)
// Data:    1 GB of messages of 1.7 KB (bench/data.ts, seed 1) as BSON, served from memory by a process of its own that
//          only copies bytes (test/helpers/mongodb-wire/encoded.ts), on the same two cores
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, one round. The machine was busy with other work (load 12 to 25): go by the
//          ratios, and by CPU more than by wall
//
// | variant                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | for await and stringify       |   20 | 33.36 | 304 | 1.00 |  1.00 |
// | batches of 1000 and stringify |   17 | 30.83 | 219 | 0.85 |  1.08 |
// | mongodb to jsonl, plain       |   89 |  4.11 | 167 | 4.48 |  8.12 |
// | mongodb to jsonl, relaxed     |   86 |  3.92 | 169 | 4.30 |  8.50 |
// | mongodb to discard            |  133 |  3.23 | 167 | 6.66 | 10.35 |
// | pages only                    |  154 |  1.28 | 146 | 7.73 | 25.98 |
//
// Objects, in a run of their own (one round; other work waited for the cores):
//
// | for await and stringify       |   28 | 33.29 | 322 | 1.00 |  1.00 |
// | with a map                    |   44 | 19.27 | 224 | 1.58 |  1.73 |
// | with a map in two workers     |   59 | 20.05 | 246 | 2.12 |  1.66 |
//
// The last on an otherwise idle machine, one round each: 2.48 times the loop (CPU 1.88) at 259 MB, and with 4 MB instead of 8 for young
// objects of a thread, as it is now, 2.31 (1.66) at 245 MB.
//
// 2026-11-22, otherwise idle, one round each: 5.04 plain (180 MB), 4.61 relaxed (171 MB), 1.93 with a map (221 MB); with a map in two
// workers 1.87 to 2.49 at 249 to 292 MB and 23 to 27 s of CPU: the 250 MB were missed more often than not.
//
// Since then threads take a record at a time, and replies, text and jobs lie in memory that is used again. The same day, single
// runs, builds in turn on a machine with other work: 16 to 23 s of CPU, 221, 225, 229, 225, 224, 220 and 225 MB; beside the loop
// 2.20 and 2.56 times as fast (CPU 1.75 and 2.08). Plain export 158 to 161 MB instead of 167 to 195, with the same CPU.
// With the memory of text going through threads, too, on an otherwise idle machine, one round: a map 2.04 times the loop (CPU 2.33) at
// 202 MB, in two workers 2.79 (CPU 2.17) at 211 MB; ten single runs before took 203 to 209.
//
// 2026-11-22, 09:00, one round, one other program at the lowest priority:
//
// | variant                       | MB/s | wall s | CPU s | peak MB | ratio | CPU ratio |
// | for await and stringify       |   26 |  38.28 | 35.99 | 309 | 1.00 |  1.00 |
// | batches of 1000 and stringify |   22 |  44.73 | 41.68 | 255 | 0.86 |  0.86 |
// | mongodb to jsonl, plain       |  113 |   8.82 |  5.30 | 159 | 4.34 |  6.80 |
// | mongodb to jsonl, relaxed     |  126 |   7.91 |  4.77 | 161 | 4.84 |  7.54 |
// | with a map                    |   40 |  25.20 | 20.98 | 202 | 1.52 |  1.72 |
// | with a map in two workers     |   55 |  18.10 | 21.35 | 198 | 2.12 |  1.69 |
//
// The last beside the loop on an otherwise idle machine, one round: 2.44 times as fast (CPU 1.87) at 214 MB.
//
// With a message of 16 MB among 320 MB, of letters that take two bytes in a string (ETL_BENCH_LARGE=1 ETL_BENCH_MB=320), one round:
//
// | for await and stringify       |   22 |  15.47 | 15.05 | 372 | 1.00 |  1.00 |
// | mongodb to jsonl, plain       |  123 |   2.72 |  2.63 | 191 | 5.69 |  5.72 |
// | mongodb to jsonl, relaxed     |  162 |   2.08 |  1.81 | 177 | 7.45 |  8.30 |
// | with a map                    |   46 |   7.25 |  7.24 | 207 | 2.14 |  2.08 |
// | with a map in two workers     |   58 |   5.78 |  8.52 | 224 | 2.67 |  1.77 |
//
// Before, the same with a map took 241 and 244 MB, in two workers 315 to 327; with a message of plain letters among 300 MB 223 to
// 255 and 280 to 317 (two workers since: 225 to 235, before the last two steps). What brought it down, each measured in turns with
// the code before it: the reply, its text and whatever else is large is freed the moment it is done with, and not left to the
// collector (312 to 266); what comes out of a large record is written in pieces (266 to 246); its text is parsed in place, long
// strings apart, and is no string as a whole (246 to 231); room for young objects of the first thread is given back at once (250 to
// 229 with two-byte letters). Of one record there are its text, the thread's copy and its value left. With four of them in a row it is
// 333 to 347 in two workers (480 to 512 before): what the engine has not collected yet of the ones before.
//
// Reading: without objects the export takes a seventh of the loop's CPU, in memory that does not grow, with a document of 16 MB
// too. With objects, parsing and stringifying are most of the work: two workers take them off the thread that reads and writes, and
// as nothing of a record outlives it there, they cost no more than the same work in one thread. There was no mongodump to compare
// with.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { MongoClient, type Document } from 'mongodb';

import { openMongodb } from '../src/connections/mongodb.ts';
import { documentsBytes } from '../src/mongodb/bson-documents.ts';
import { keysetPages } from '../src/mongodb/keyset-pages.ts';
import { pipeline } from '../src/pipeline.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { mongodbSource, type MongodbSourceOptions } from '../src/sources/mongodb.ts';
import type { Transform } from '../src/stage.ts';
import { mapInWorkers } from '../src/transforms/map-in-workers.ts';
import { map } from '../src/transforms/map.ts';
import copyOf from './copy-message.ts';
import { sha256 } from './data.ts';
import { bench, type Work } from './harness.ts';
import { startMongodbServer } from './mongodb-server.ts';

const megabytes = Number(process.env['ETL_BENCH_MB'] ?? 1000);
/** Messages of 16 MB among them. */
const large = Number(process.env['ETL_BENCH_LARGE'] ?? 0);
const uri = (): string => process.env['ETL_BENCH_MONGODB'] ?? '';

async function exported(options: Pick<MongodbSourceOptions, 'types'>, folder: string): Promise<Work> {
  const to = join(folder, 'out.jsonl');
  const source = mongodbSource({ uri: uri(), collection: 'messages', ...options });
  const { counts, bytesRead } = await pipeline(source)
    .to(jsonlSink({ path: to }))
    .run();
  return { records: counts.read, bytes: bytesRead, output: () => sha256(to) };
}

/** Every record is an object, and another one. */
async function mapped(change: Transform<Document, Document>, folder: string): Promise<Work> {
  const to = join(folder, 'out.jsonl');
  const source = mongodbSource<Document>({ uri: uri(), collection: 'messages', types: 'plain' });
  const { counts, bytesRead } = await pipeline(source)
    .through(change)
    .to(jsonlSink({ path: to }))
    .run();
  return { records: counts.read, bytes: bytesRead, output: () => sha256(to) };
}

/** What one writes by hand. `each` gives the documents of a cursor. */
async function byHand(
  folder: string,
  documents: (client: MongoClient) => AsyncIterable<readonly Document[]>,
): Promise<Work> {
  const to = join(folder, 'out.jsonl');
  const client = new MongoClient(uri());
  const file = createWriteStream(to);
  let records = 0;
  try {
    for await (const some of documents(client)) {
      for (const each of some) {
        records += 1;
        if (!file.write(`${JSON.stringify(each)}\n`)) await once(file, 'drain');
      }
    }
  } finally {
    await client.close();
  }
  file.end();
  await finished(file);
  return { records, bytes: (megabytes + large * 16) * 1e6, output: () => sha256(to) };
}

await bench({
  question: `A MongoDB collection as JSON lines: ${megabytes} MB of messages of 1.7 KB and ${large} of 16 MB, server in another process`,
  base: 'for await and stringify',
  rounds: 3,
  async data() {
    process.env['ETL_BENCH_MONGODB'] = await startMongodbServer(megabytes, large);
  },
  variants: [
    {
      name: 'for await and stringify',
      run: (folder) =>
        byHand(folder, async function* (client) {
          for await (const each of client.db().collection('messages').find()) yield [each];
        }),
    },
    {
      name: 'batches of 1000 and stringify',
      run: (folder) =>
        byHand(folder, async function* (client) {
          const cursor = client.db().collection('messages').find({}, { batchSize: 1000 });
          while (await cursor.hasNext()) yield cursor.readBufferedDocuments();
        }),
    },
    {
      name: 'mongodb to jsonl, plain',
      target: { ratio: 3, peakMegabytes: 250 },
      run: (folder) => exported({ types: 'plain' }, folder),
    },
    {
      name: 'mongodb to jsonl, relaxed',
      target: { ratio: 3, peakMegabytes: 250 },
      outputLike: 'relaxed',
      run: (folder) => exported({ types: 'relaxed' }, folder),
    },
    {
      name: 'with a map',
      target: { peakMegabytes: 250 },
      run: (folder) => mapped(map(copyOf), folder),
    },
    {
      name: 'with a map in two workers',
      target: { ratio: 2, peakMegabytes: 250 },
      run: (folder) =>
        mapped(mapInWorkers({ module: new URL('./copy-message.js', import.meta.url), workers: 2 }), folder),
    },
    {
      name: 'mongodb to discard',
      outputLike: 'nothing',
      async run() {
        const source = mongodbSource({ uri: uri(), collection: 'messages', types: 'plain' });
        const { counts, bytesRead } = await pipeline(source).to(discardSink({})).run();
        return { records: counts.read, bytes: bytesRead };
      },
    },
    {
      name: 'pages only',
      outputLike: 'nothing',
      async run() {
        const { signal } = new AbortController();
        const connection = await openMongodb({ uri: uri() });
        let [records, bytes] = [0, 0];
        for await (const page of keysetPages(connection, { collection: 'messages', filter: {}, by: '_id' }, signal)) {
          records += page.count;
          bytes += documentsBytes(page);
        }
        await connection.close();
        return { records, bytes };
      },
    },
  ],
});
