import { EtlError } from '../errors.ts';
import { BatchMemory } from '../formats/batch-memory.ts';
import { readBsonDocuments, type BsonDocuments } from '../formats/bson-documents.ts';
import { bsonToJson, type BsonTypes } from '../formats/bson-to-json.ts';
import { freeMemory } from '../formats/free-memory.ts';
import type { ChunkLimits } from '../formats/json-chunk.ts';
import { jsonRecordsByteLength, jsonRecordText } from '../formats/json-records.ts';
import { jsonToBson } from '../formats/json-to-bson.ts';
import type { InputFile } from './input-file.ts';
import { jsonArrayFormat, jsonLinesFormat } from './json-formats.ts';
import type { BadRecord, ReadingContext, RecordChunk, RecordFormat } from './read-records.ts';

// As much of a broken document as goes to the reject file.
const excerptBytes = 2048;
const openBracket = 0x5b;
/** Memory of larger chunks is not kept. */
const mostChunkBytes = 2 * 1024 * 1024;
// What `mongodump --archive` begins with: 0x8199e26d, little endian.
const archiveMagic = Buffer.from('6de29981', 'hex');

/** BSON documents one after the other, numbered from 0. */
export function bsonFormat(types: BsonTypes, limits: Pick<ChunkLimits, 'batchSize' | 'batchBytes'>): RecordFormat {
  return {
    first: 0,
    label: (path, document) => `${path}, document ${document}`,
    async *read(input, bytes, { offset, number }, ctx) {
      if (input.canResume) refuseArchive(await input.head(), input.path);
      const memory = new BatchMemory(mostChunkBytes);
      let first = number;
      const start = { offset, index: number };
      for await (const { documents, offsets, end } of readBsonDocuments(bytes, {
        ...limits,
        start,
        signal: ctx.signal,
      })) {
        const places = Array.from({ length: documents.count }, (_, index) => ({
          offset: offsets[index] ?? 0,
          number: first + index,
        }));
        const chunk = converted(documents, places, { types, memory }, ctx);
        if (!memory.keeps(documents.bytes.length)) freeMemory(documents.bytes);
        yield { ...chunk, end: { offset: end.offset, number: end.index } };
        first = end.index;
      }
    },
  };
}

function refuseArchive(head: Buffer, path: string): void {
  if (!head.subarray(0, archiveMagic.length).equals(archiveMagic)) return;
  throw new EtlError('ETL_SOURCE_INVALID', `${path} is an archive (mongodump --archive), which is not read here`, {
    where: { file: path },
    hint: 'Dump again with --out, or restore the archive and dump that.',
  });
}

/** Extended JSON, one document a line or one array of them: what the input begins with tells. */
export function extendedJsonFormat(
  types: BsonTypes,
  limits: ChunkLimits & { readonly maxLineBytes: number },
): RecordFormat {
  const lines = jsonLinesFormat(limits);
  const array = jsonArrayFormat(undefined, limits);
  // Lines count from 1, elements from 0; where an array begins the difference is taken back.
  return {
    first: lines.first,
    label: (path, number) => `${path}, document ${number}`,
    async *read(input, bytes, start, ctx) {
      const { isArray, whole } = await looksLikeArray(input, bytes);
      const format = isArray ? array : lines;
      const shift = isArray ? 1 : 0;
      const memory = new BatchMemory(mostChunkBytes);
      for await (const chunk of format.read(input, whole, { ...start, number: start.number - shift }, ctx)) {
        const shifted: RecordChunk = {
          ...chunk,
          bad: chunk.bad.map((bad) => ({ ...bad, number: bad.number + shift })),
          numberAt: (index) => chunk.numberAt(index) + shift,
          end: { ...chunk.end, number: chunk.end.number + shift },
        };
        yield normalized(shifted, { types, memory }, ctx);
      }
    },
  };
}

/** Each record of a chunk through BSON: whatever form it had, it has the chosen one afterwards. */
function normalized(chunk: RecordChunk, conversion: Conversion, ctx: ReadingContext): RecordChunk {
  const { json, takeBack } = chunk;
  const { memory } = conversion;
  const { documents, bad } = jsonToBson(json, { memory: memory.take(withSlack(jsonRecordsByteLength(json))) });
  const placeOf = (record: number): Place => ({ number: chunk.numberAt(record), offset: chunk.offsetAt(record) });
  const isBad = new Set(bad.map(({ record }) => record));
  const good = Array.from({ length: json.count }, (_, record) => record).filter((record) => !isBad.has(record));
  // By the record that comes next or is bad itself; sorting leaves those of one record in this order.
  const known = chunk.bad.map((entry) => {
    const before = bad.filter(({ record }) => record < entry.index).length;
    return { at: entry.index, entry: { ...entry, index: entry.index - before } };
  });
  const found = bad.map(({ index, record, reason }) => {
    const entry: BadRecord = { ...placeOf(record), index, reason, record: jsonRecordText(json, record) };
    return { at: record, entry };
  });
  const all = [...known, ...found].sort((a, b) => a.at - b.at).map(({ entry }) => entry);
  // What comes from a document we made ourselves is sound: nothing is bad twice.
  const written = { ...chunk, ...converted(documents, good.map(placeOf), conversion, ctx), bad: all };
  takeBack?.();
  memory.giveBackAround(documents.bytes);
  return written;
}

/** How documents become text, and memory for both. */
interface Conversion {
  readonly types: BsonTypes;
  readonly memory: BatchMemory;
}

/** BSON and text take about as much; what does not fit lies in other memory. */
function withSlack(bytes: number): number {
  return bytes + (bytes >>> 2);
}

interface Place {
  readonly offset: number;
  readonly number: number;
}

function converted(
  documents: BsonDocuments,
  places: readonly Place[],
  { types, memory }: Conversion,
  ctx: ReadingContext,
): Omit<RecordChunk, 'end'> {
  const { json, bad, replaced } = bsonToJson(documents, {
    types,
    memory: memory.take(withSlack(documents.bytes.length)),
  });
  if (replaced > 0) ctx.warn('some strings are not UTF-8: what is broken in them has become U+FFFD');
  const broken = new Set(bad.map(({ document }) => document));
  const good = broken.size === 0 ? places : places.filter((_, document) => !broken.has(document));
  return {
    json,
    bad: bad.map(({ index, document, offset, reason }) => {
      const { starts, ends, bytes } = documents;
      const start = starts[document] ?? 0;
      const excerpt = Buffer.from(bytes.subarray(start, Math.min(ends[document] ?? 0, start + excerptBytes)));
      const place = places[document] ?? { offset: 0, number: 0 };
      return {
        ...place,
        index,
        reason: `${reason} (at its byte ${offset})`,
        record: { bson: excerpt.toString('base64') },
      };
    }),
    numberAt: (index) => good[index]?.number ?? 0,
    offsetAt: (index) => good[index]?.offset ?? 0,
    takeBack: () => memory.giveBackAround(json.bytes),
  };
}

/** Whether the first byte that is not white space opens an array; and all the bytes, the ones looked at included. */
async function looksLikeArray(
  input: InputFile,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly isArray: boolean; readonly whole: AsyncIterable<Uint8Array> }> {
  if (input.canResume) return { isArray: startsArray(await input.head()) === true, whole: bytes };
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let isArray: boolean | undefined;
  while (isArray === undefined) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(Buffer.from(next.value));
    isArray = startsArray(next.value);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      yield* seen;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  }
  return { isArray: isArray === true, whole: whole() };
}

/** Undefined when there is only white space, or a byte order mark. */
function startsArray(bytes: Uint8Array): boolean | undefined {
  const first = bytes.find((byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf);
  return first === undefined ? undefined : first === openBracket;
}
