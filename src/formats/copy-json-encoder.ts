import { asBuffer, type JsonRecords } from './json-records.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

/** A column and what fills it: the member of that name, or with none the whole record. */
export interface JsonColumn {
  readonly member: string | undefined;
  /** `pg_type.typname`. */
  readonly type: string;
}

/** Rows that were written for some records. */
export interface EncodedRows {
  /** How many records were looked at. */
  readonly records: number;
  /** The rows, one after the other; valid until the next call. */
  readonly bytes: Buffer;
  /** Where each record's row ends in the bytes. A row that ends where the one before it does was not written. */
  readonly ends: Uint32Array;
}

/**
 * Writes rows of PostgreSQL's binary COPY straight from the JSON text of records, many in one call.
 *
 * A record with a value that is not in its type's usual form is left out, for the encoders of values to write it or to refuse it.
 */
export interface CopyJsonEncoder {
  /** Looks at records from `from` on, as many as fit into some tens of kilobytes. None when the record is too large for it. */
  encode(json: JsonRecords, from: number): EncodedRows;
}

// As in assembly/copy-json.ts.
const types: Readonly<Record<string, number>> = {
  text: 0,
  varchar: 0,
  bpchar: 0,
  bool: 1,
  int2: 2,
  int4: 3,
  int8: 4,
  float4: 5,
  float8: 6,
  uuid: 7,
  timestamp: 8,
  timestamptz: 8,
  json: 9,
  jsonb: 10,
};

interface CopyModule {
  readonly memory: WasmMemory;
  inputAddress(): number;
  inputBytes(): number;
  outputAddress(): number;
  memoryBytes(): number;
  startsAddress(): number;
  endsAddress(): number;
  rowEndsAddress(): number;
  maxRecords(): number;
  addColumn(length: number, type: number): number;
  encode(records: number, length: number): number;
}

const pageBytes = 65_536;
const longestName = 1000;
// So much text a call: what goes in and what comes out stay in the processor's cache.
const runBytes = 64 * 1024;
// Records that lie further apart than this are not copied together.
const widestGap = 1024;

/** An encoder for rows of these columns; nothing where one of them has a type it does not know, and where WebAssembly is not to be had. */
export function createCopyJsonEncoder(columns: readonly JsonColumn[]): CopyJsonEncoder | undefined {
  if (columns.some(({ type }) => types[type] === undefined)) return undefined;
  const module = instantiateWasm<CopyModule>('copy-json');
  if (module === undefined) return undefined;
  const missing = module.memoryBytes() - module.memory.buffer.byteLength;
  if (missing > 0) module.memory.grow(Math.ceil(missing / pageBytes));
  const input = Buffer.from(module.memory.buffer, module.inputAddress(), module.inputBytes());
  for (const { member, type } of columns) {
    if (member !== undefined && Buffer.byteLength(member) > longestName) return undefined;
    const length = member === undefined ? -1 : input.write(member);
    if (module.addColumn(length, types[type] ?? 0) === 0) return undefined;
  }
  return encoder(module, input);
}

function encoder(module: CopyModule, input: Buffer): CopyJsonEncoder {
  const bytes = Buffer.from(module.memory.buffer, module.outputAddress());
  const view = (address: number): Uint32Array => new Uint32Array(module.memory.buffer, address, module.maxRecords());
  const starts = view(module.startsAddress());
  const ends = view(module.endsAddress());
  const rowEnds = view(module.rowEndsAddress());
  return {
    encode(json, from) {
      const to = runFrom(json, from, module.maxRecords());
      const first = json.starts[from] ?? 0;
      const last = json.ends[to - 1] ?? 0;
      if (to === from || last - first > input.length) return { records: 0, bytes, ends: rowEnds };
      asBuffer(json.bytes).copy(input, 0, first, last);
      for (let record = from; record < to; record += 1) {
        starts[record - from] = (json.starts[record] ?? 0) - first;
        ends[record - from] = (json.ends[record] ?? 0) - first;
      }
      return { records: module.encode(to - from, last - first), bytes, ends: rowEnds };
    },
  };
}

/** The end of the records from `from` on that lie behind one another and are not too much for one call: one at least. */
function runFrom({ starts, ends, count }: JsonRecords, from: number, atMost: number): number {
  const first = starts[from] ?? 0;
  let to = from;
  while (to < count && to - from < atMost) {
    const start = starts[to] ?? 0;
    const end = ends[to] ?? 0;
    const isNear = start >= (ends[to - 1] ?? 0) && start - (ends[to - 1] ?? 0) <= widestGap;
    if (to > from && (!isNear || end - first > runBytes)) break;
    to += 1;
  }
  return to;
}
