import { recordCount } from '../../batch.ts';
import { EtlError } from '../../errors.ts';
import { ByteWriter, reuseBuffer } from '../../formats/byte-writer.ts';
import {
  copyField,
  copyHeader,
  copyTrailer,
  type EncodeOptions,
  type ValueEncoder,
} from '../../formats/copy-binary.ts';
import type { JsonEncoder } from '../../formats/copy-from-json.ts';
import type { CopyJsonEncoder } from '../../formats/copy-json-encoder.ts';
import { eachJsonMember, jsonValue } from '../../formats/json-members.ts';
import { asBuffer, jsonRecordText, type JsonRecords } from '../../formats/json-records.ts';
import {
  mayHoldUnstorable,
  UnstorableText,
  UnstorableValue,
  type UnstorablePolicy,
} from '../../formats/postgres-text.ts';
import type { Json } from '../../json.ts';
import type { Batch, StageContext } from '../../stage.ts';

// Rows are cut into buffers of about this size: large enough for the socket, small enough to be sent while the next is filled.
const chunkBytes = 256 * 1024;
const bufferBytes = chunkBytes + chunkBytes / 2;
const jsonbVersion = 1;

/** How a column is filled: from the record by a function, or with the whole record as jsonb. */
export type ColumnPlan =
  | FieldPlan
  | { readonly name: string; readonly document: 'json' | 'jsonb'; readonly encode: ValueEncoder };

/** A column that is filled from a field. */
export interface FieldPlan {
  readonly name: string;
  readonly value: (record: unknown) => unknown;
  readonly encode: ValueEncoder;
  /** The record's member that the value is, or is in. Absent: the path does not begin with a name. */
  readonly member?: string | undefined;
  /** The value is that member itself and not in it. */
  readonly isMember: boolean;
  /** Writes the member's JSON text as it stands. */
  readonly fromJson?: JsonEncoder | undefined;
}

/** How a record becomes a row. */
export interface RowPlan {
  readonly columns: readonly ColumnPlan[];
  /** Writes the rows of records that are JSON text, but for unusual ones. */
  readonly fromJson?: CopyJsonEncoder | undefined;
  readonly unstorable: UnstorablePolicy;
}

/** Rows of one batch that follow one another in a load. Numbers are kept in lists: objects for every row would cost more. */
interface BatchRows {
  readonly batch: Batch<unknown>;
  /** The first of them in the load. */
  readonly from: number;
  /** Places in the batch; nothing while they are 0, 1, 2 and so on. */
  readonly index: number[];
}

/** Rows that go to the server in one transaction, encoded. */
export class Load {
  readonly #plan: RowPlan;
  readonly #ctx: StageContext;
  readonly #writer: ByteWriter;
  readonly #spare: Buffer[];
  readonly #chunks: Buffer[] = [];
  readonly #batches: BatchRows[] = [];
  /** For each row the chunk it is in, and where it ends in it. */
  readonly #chunkOf: number[] = [];
  readonly #endOf: number[] = [];
  readonly #places: ReadonlyMap<string, readonly number[]>;
  readonly #readsMembers: boolean;
  /** For each column where its member begins and ends in the record's text; an end of 0: there is none. */
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #take = (name: string, start: number, end: number): void => {
    const places = this.#places.get(name);
    if (places === undefined) return;
    for (const place of places) {
      this.#starts[place] = start;
      this.#ends[place] = end;
    }
  };
  readonly #encoding: EncodeOptions;
  /** Values that were changed in the record at hand. */
  #changes = 0;
  #bytes = 0;
  #cursor: Json | undefined;

  /** `spare` are the buffers of loads that are done. */
  constructor(plan: RowPlan, ctx: StageContext, spare: Buffer[] = []) {
    this.#plan = plan;
    this.#spare = spare;
    this.#writer = new ByteWriter(bufferBytes, spare);
    this.#ctx = ctx;
    this.#encoding = {
      unstorable: plan.unstorable,
      changed: () => {
        this.#changes += 1;
      },
    };
    const places = new Map<string, number[]>();
    for (const [place, column] of plan.columns.entries()) {
      if ('document' in column || column.member === undefined) continue;
      places.set(column.member, [...(places.get(column.member) ?? []), place]);
    }
    this.#places = places;
    this.#readsMembers =
      places.size > 0 && plan.columns.every((column) => 'document' in column || column.member !== undefined);
    this.#starts = new Uint32Array(plan.columns.length);
    this.#ends = new Uint32Array(plan.columns.length);
  }

  get rows(): number {
    return this.#endOf.length;
  }

  get bytes(): number {
    return this.#bytes + this.#writer.length;
  }

  /** The cursor of the last batch that has one: everything in this load is before or at it. */
  get cursor(): Json | undefined {
    return this.#cursor;
  }

  /** Encodes a batch's records; one that does not fit the table is rejected. */
  add(batch: Batch<unknown>): void {
    const index: number[] = [];
    this.#batches.push({ batch, from: this.rows, index });
    const count = recordCount(batch);
    for (let record = 0; record < count; )
      record += this.#addMany(batch, record, index) || this.#addOne(batch, record, index);
    if (batch.cursor !== undefined) this.#cursor = batch.cursor;
  }

  /** Adds records that are JSON text from `from` on; gives how many, 0 when they have to be added one by one. */
  #addMany(batch: Batch<unknown>, from: number, index: number[]): number {
    const { fromJson } = this.#plan;
    if (fromJson === undefined || batch.json === undefined) return 0;
    const { records, bytes, ends } = fromJson.encode(batch.json, from);
    let taken = 0;
    let end = 0;
    for (let record = 0; record < records; record += 1) {
      const next = ends[record] ?? 0;
      if (next > end) {
        this.#addRow(from + record, index, this.#writer.length + next - taken);
        end = next;
        continue;
      }
      this.#writer.bytes(bytes, taken, end);
      taken = end;
      this.#addOne(batch, from + record, index);
    }
    this.#writer.bytes(bytes, taken, end);
    this.#cutChunk();
    return records;
  }

  /** Adds one record, unless it does not fit the table. */
  #addOne(batch: Batch<unknown>, record: number, index: number[]): 1 {
    const from = this.#writer.length;
    try {
      this.#encode(batch, record);
    } catch (error) {
      this.#writer.cutBack(from);
      if (error instanceof UnstorableText && this.#plan.unstorable === 'fail') throw unstorable(error, batch, record);
      this.#ctx.reject(recordOf(batch, record), error, { batch, index: record });
      return 1;
    }
    if (this.#changes > 0) {
      this.#ctx.finding(`changed: not storable (${this.#plan.unstorable})`, this.#changes, { batch, index: record });
      this.#changes = 0;
    }
    this.#addRow(record, index, this.#writer.length);
    this.#cutChunk();
    return 1;
  }

  #addRow(record: number, index: number[], end: number): void {
    index.push(record);
    this.#chunkOf.push(this.#chunks.length);
    this.#endOf.push(end);
  }

  /** The bytes of a COPY of rows `from` to `to` (exclusive). */
  copyBytes(from = 0, to = this.rows): Uint8Array[] {
    this.#takeChunk();
    const chunks: Uint8Array[] = [copyHeader];
    let at = from;
    while (at < to) {
      const chunk = this.#chunkOf[at] ?? 0;
      let last = at;
      while (last + 1 < to && this.#chunkOf[last + 1] === chunk) last += 1;
      const start = this.#chunkOf[at - 1] === chunk ? this.#endOf[at - 1] : 0;
      chunks.push((this.#chunks[chunk] as Buffer).subarray(start, this.#endOf[last]));
      at = last + 1;
    }
    chunks.push(copyTrailer);
    return chunks;
  }

  /** Gives its buffers back: nothing of it is needed any more. */
  release(): void {
    for (const chunk of this.#chunks) reuseBuffer(chunk, bufferBytes, this.#spare);
    this.#chunks.length = 0;
  }

  /** Rejects the record of row `row`. */
  reject(row: number, cause: unknown): void {
    const { batch, from, index: places } = this.#batches.findLast((rows) => rows.from <= row) as BatchRows;
    const index = places[row - from] ?? 0;
    this.#ctx.reject(recordOf(batch, index), cause, { batch, index });
  }

  /** Counts rows that were there already, or were overtaken by a later one of the same key. */
  countSkipped(rows: number): void {
    const last = this.#batches.at(-1);
    this.#ctx.count('skipped', rows, last === undefined ? {} : { batch: last.batch });
  }

  #encode(batch: Batch<unknown>, index: number): void {
    const { columns } = this.#plan;
    const encoding = this.#encoding;
    const writer = this.#writer;
    const json = this.#readsMembers ? batch.json : undefined;
    const text = json === undefined ? undefined : asBuffer(json.bytes);
    if (json !== undefined && text !== undefined) {
      this.#ends.fill(0);
      // Of several members with one name the last counts, as for JSON.parse.
      eachJsonMember(text, json.starts[index] ?? 0, json.ends[index] ?? 0, this.#take);
    }
    writer.int16(columns.length);
    let place = 0;
    try {
      for (; place < columns.length; place += 1) {
        const column = columns[place] as ColumnPlan;
        if ('document' in column) {
          if (batch.json !== undefined && writeDocument(batch.json, index, column.document, writer)) continue;
          copyField(batch.records[index], column.encode, writer, encoding);
        } else if (text === undefined) {
          copyField(column.value(batch.records[index]), column.encode, writer, encoding);
        } else {
          writeMember(text, this.#starts[place] ?? 0, this.#ends[place] ?? 0, column, writer, encoding);
        }
      }
    } catch (error) {
      if (error instanceof UnstorableValue) error.message += ` (column "${columns[place]?.name}")`;
      throw error;
    }
  }

  #cutChunk(): void {
    if (this.#writer.length >= chunkBytes) this.#takeChunk();
  }

  #takeChunk(): void {
    if (this.#writer.length === 0) return;
    this.#bytes += this.#writer.length;
    this.#chunks.push(this.#writer.take());
  }
}

function unstorable(error: UnstorableText, batch: Batch<unknown>, record: number): EtlError {
  return new EtlError('ETL_RECORD_INVALID', error.message, {
    where: { record: batch.at?.(record) ?? `record ${record + 1} of its batch` },
    hint: 'Mend the record, or choose `unstorable: replace`, `strip` or `reject`.',
    cause: error,
  });
}

/** One record, without decoding the others of its batch. */
function recordOf(batch: Batch<unknown>, index: number): unknown {
  return batch.json === undefined ? batch.records[index] : (JSON.parse(jsonRecordText(batch.json, index)) as unknown);
}

function writeMember(
  json: Buffer,
  start: number,
  end: number,
  { member = '', value, encode, fromJson }: FieldPlan,
  writer: ByteWriter,
  encoding: EncodeOptions,
): void {
  const isNull = end === 0 || (end - start === 4 && json[start] === 0x6e);
  if (isNull) writer.int32(-1);
  else if (fromJson?.(json, start, end, writer) !== true)
    copyField(value({ [member]: jsonValue(json, { start, end }) }), encode, writer, encoding);
}

/** Writes a record's JSON text as it stands, unless it may hold what PostgreSQL cannot: then false, and nothing is written. */
function writeDocument(
  { bytes, starts, ends }: JsonRecords,
  index: number,
  type: 'json' | 'jsonb',
  writer: ByteWriter,
): boolean {
  const from = starts[index] ?? 0;
  const to = ends[index] ?? 0;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
  if (text.includes('\\u') && mayHoldUnstorable(text.toString('latin1'))) return false;
  // SQL null is not JSON null.
  writer.int32(text.length + (type === 'jsonb' ? 1 : 0));
  if (type === 'jsonb') writer.int8(jsonbVersion);
  writer.bytes(text);
  return true;
}
