// How fast do BSON documents become JSON lines in memory, against making objects of them?
//
//   npm run bench -- formats-bson
//
// 2026-11-21, 2 cores x64 2.5 GHz shared with other work (load 10 to 20: CPU seconds are the steadier column), Node 20.20.2,
// 100 MB of BSON messages of 1.7 KB in batches of 500, median of 5 rounds:
//
//   variant                            wall MB/s   CPU s   ratio   CPU ratio
//   deserialize and JSON.stringify            22    1.30    1.00        1.00
//   bsonToJson plain, WebAssembly            213    0.24    9.72        5.60
//   bsonToJson plain, TypeScript              77    0.55    2.86        2.37
//   EJSON.stringify relaxed                   32    1.42    1.53        0.93
//   bsonToJson relaxed, WebAssembly          174    0.24    7.96        5.68
//
// Reading: the same bytes for a fifth of the CPU; the objects' garbage adds to that when the machine is busy. Extended JSON
// costs nothing extra here.
import { createHash } from 'node:crypto';

import { deserialize, EJSON, ObjectId, serialize } from 'bson';

import { type BsonDocuments, gatherBsonDocuments } from '../src/formats/bson-documents.ts';
import { bsonToJson, type BsonTypes } from '../src/formats/bson-to-json.ts';
import type { Engine } from '../src/formats/json-chunk.ts';
import { jsonLines } from '../src/formats/json-lines-out.ts';
import { messages } from './data.ts';
import { bench, type Variant } from './harness.ts';

const megabytes = 100;
// What a driver's batch or a read of a dump holds.
let batches: readonly (readonly Uint8Array[])[] = [];
let views: readonly BsonDocuments[] = [];
let bytes = 0;
let records = 0;

function prepare(): void {
  const made: Uint8Array[][] = [[]];
  for (const message of messages()) {
    const _id = ObjectId.createFromTime(1_700_000_000 + records);
    const document = serialize({ _id, ...message, createdAt: new Date(message.createdAt) });
    made.at(-1)?.push(document);
    bytes += document.length;
    records += 1;
    if (records % 500 === 0) made.push([]);
    if (bytes > megabytes * 1e6) break;
  }
  batches = made;
  views = made.map((documents) => gatherBsonDocuments(documents.map((document) => Uint8Array.from(document))));
}

/** Each document through `text`, encoded as a line. */
function byObjects(name: string, outputLike: string, text: (document: Uint8Array) => string): Variant {
  return {
    name,
    outputLike,
    prepare,
    run() {
      let length = 0;
      for (const batch of batches) for (const document of batch) length += Buffer.from(`${text(document)}\n`).length;
      return {
        records,
        bytes,
        output: () =>
          hashed((add) => batches.forEach((batch) => batch.forEach((document) => add(`${text(document)}\n`))), length),
      };
    },
  };
}

function byBytes(
  name: string,
  outputLike: string,
  types: BsonTypes,
  engine: Engine,
  rest: Partial<Variant> = {},
): Variant {
  const each = (take: (lines: Uint8Array) => void): void => {
    for (const documents of views) take(jsonLines(bsonToJson(documents, { types, engine }).json));
  };
  return {
    name,
    outputLike,
    prepare,
    run() {
      let length = 0;
      each((lines) => {
        length += lines.length;
      });
      return { records, bytes, output: () => hashed(each, length) };
    },
    ...rest,
  };
}

/** The digest of what was written, made again after the clock was stopped, with the length counted while it ran. */
function hashed(write: (add: (part: string | Uint8Array) => void) => void, length: number): string {
  const hash = createHash('sha256');
  write((part) => hash.update(part));
  return `${length} ${hash.digest('hex')}`;
}

await bench({
  question: `BSON to JSON lines in memory (${megabytes} MB of messages of 1.7 KB)`,
  base: 'deserialize and JSON.stringify',
  variants: [
    byObjects('deserialize and JSON.stringify', 'plain', (document) => JSON.stringify(deserialize(document))),
    byBytes('bsonToJson plain, WebAssembly', 'plain', 'plain', 'wasm', { target: { ratio: 5 } }),
    byBytes('bsonToJson plain, TypeScript', 'plain', 'plain', 'typescript'),
    byObjects('EJSON.stringify relaxed', 'relaxed', (document) =>
      EJSON.stringify(deserialize(document, { promoteValues: false })),
    ),
    byBytes('bsonToJson relaxed, WebAssembly', 'relaxed', 'relaxed', 'wasm'),
  ],
});
