// How fast does Extended JSON in memory become BSON documents, against making objects of it?
//
//   npm run bench -- formats-json-to-bson
//
// 2026-11-22, 2 cores x64, Node 20.20.2, 100 MB of BSON messages of 1.7 KB in batches of 150, median of 5 rounds:
//
//   variant                                wall MB/s   CPU s   ratio   CPU ratio
//   EJSON.parse and serialize, canonical          72    1.52    1.00        1.00
//   jsonToBson, canonical                        265    0.44    3.61        3.28
//   EJSON.parse and serialize, relaxed            73    1.40    1.01        1.09
//   jsonToBson, relaxed                          283    0.42    3.86        3.45
//
// Reading: the same bytes for a third of the CPU, most of it for the escapes in texts. Types cost next to nothing: a name with $
// is known by its first letter. Without memory that is used again (which sinks have) it would be 0.6 s.
import { createHash } from 'node:crypto';

import { EJSON, ObjectId, serialize } from 'bson';

import { gatherBsonDocuments } from '../src/formats/bson-documents.ts';
import { bsonToJson } from '../src/formats/bson-to-json.ts';
import { type JsonRecords, jsonRecordText } from '../src/formats/json-records.ts';
import { jsonToBson } from '../src/formats/json-to-bson.ts';
import { messages } from './data.ts';
import { bench, type Variant } from './harness.ts';

const megabytes = 100;
type Form = 'relaxed' | 'canonical';
// What a source of lines gives at a time.
let batches: readonly JsonRecords[] = [];
let bytes = 0;
let records = 0;

function prepare(form: Form): void {
  const made: Uint8Array[][] = [[]];
  for (const message of messages()) {
    const _id = ObjectId.createFromTime(1_700_000_000 + records);
    const document = serialize({ _id, ...message, createdAt: new Date(message.createdAt) });
    made.at(-1)?.push(document);
    bytes += document.length;
    records += 1;
    if (records % 150 === 0) made.push([]);
    if (bytes > megabytes * 1e6) break;
  }
  batches = made.map((documents) => bsonToJson(gatherBsonDocuments(documents), { types: form }).json);
}

/** Each batch by `encode`, which hands on the documents in bytes. */
function variant(
  name: string,
  form: Form,
  encode: (json: JsonRecords, take: (documents: Uint8Array) => void) => void,
  rest: Partial<Variant> = {},
): Variant {
  return {
    name,
    outputLike: form,
    prepare: () => prepare(form),
    run() {
      let length = 0;
      for (const batch of batches) {
        encode(batch, (documents) => {
          length += documents.length;
        });
      }
      return { records, bytes, output: () => `${length} ${digest(encode)}` };
    },
    ...rest,
  };
}

function byObjects(json: JsonRecords, take: (document: Uint8Array) => void): void {
  for (let i = 0; i < json.count; i++) {
    take(serialize(EJSON.parse(jsonRecordText(json, i), { relaxed: false }) as object));
  }
}

// Batch after batch in the same memory, as sinks do it.
const memory = Buffer.alloc(2 * 1024 * 1024);

function byText(json: JsonRecords, take: (documents: Uint8Array) => void): void {
  take(jsonToBson(json, { memory }).documents.bytes);
}

/** Of what is written, made again after the clock was stopped. */
function digest(encode: typeof byText): string {
  const hash = createHash('sha256');
  for (const batch of batches) encode(batch, (documents) => hash.update(documents));
  return hash.digest('hex');
}

await bench({
  question: `Extended JSON to BSON in memory (${megabytes} MB of messages of 1.7 KB)`,
  base: 'EJSON.parse and serialize, canonical',
  variants: [
    variant('EJSON.parse and serialize, canonical', 'canonical', byObjects),
    variant('jsonToBson, canonical', 'canonical', byText, { target: { ratio: 3 } }),
    variant('EJSON.parse and serialize, relaxed', 'relaxed', byObjects),
    variant('jsonToBson, relaxed', 'relaxed', byText),
  ],
});
