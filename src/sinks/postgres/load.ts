import { recordCount } from '../../batch.ts';
import { ByteWriter } from '../../formats/byte-writer.ts';
import {
  copyField,
  copyHeader,
  copyTrailer,
  type EncodeOptions,
  type ValueEncoder,
} from '../../formats/copy-binary.ts';
import type { JsonRecords } from '../../formats/json-records.ts';
import { mayHoldUnstorable } from '../../formats/postgres-text.ts';
import type { Json } from '../../json.ts';
import type { Batch, StageContext } from '../../stage.ts';

// Rows are cut into buffers of about this size: large enough for the socket, small enough to be sent while the next is filled.
const chunkBytes = 256 * 1024;
const jsonbVersion = 1;

/** How a column is filled: from the record by a function, or with the whole record as jsonb. */
export type ColumnPlan =
  | { readonly name: string; readonly value: (record: unknown) => unknown; readonly encode: ValueEncoder }
  | { readonly name: string; readonly document: 'json' | 'jsonb'; readonly encode: ValueEncoder };

/** How a record becomes a row. */
export interface RowPlan {
  readonly columns: readonly ColumnPlan[];
  readonly encoding: EncodeOptions;
}

/** One row's bytes, and where its record came from. */
interface Row {
  readonly chunk: number;
  readonly from: number;
  readonly to: number;
  readonly batch: Batch<unknown>;
  readonly index: number;
}

/** Rows that go to the server in one transaction, encoded. */
export class Load {
  readonly #plan: RowPlan;
  readonly #ctx: StageContext;
  readonly #writer = new ByteWriter(chunkBytes + chunkBytes / 4);
  readonly #chunks: Buffer[] = [];
  readonly #rows: Row[] = [];
  #bytes = 0;
  #cursor: Json | undefined;

  constructor(plan: RowPlan, ctx: StageContext) {
    this.#plan = plan;
    this.#ctx = ctx;
  }

  get rows(): number {
    return this.#rows.length;
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
    for (let index = 0; index < recordCount(batch); index += 1) {
      const from = this.#writer.length;
      try {
        this.#encode(batch, index);
      } catch (error) {
        this.#writer.cutBack(from);
        this.#ctx.reject(batch.records[index], error, { batch, index });
        continue;
      }
      this.#rows.push({ chunk: this.#chunks.length, from, to: this.#writer.length, batch, index });
      if (this.#writer.length >= chunkBytes) this.#takeChunk();
    }
    if (batch.cursor !== undefined) this.#cursor = batch.cursor;
  }

  /** The bytes of a COPY of rows `from` to `to` (exclusive). */
  copyBytes(from = 0, to = this.#rows.length): Uint8Array[] {
    this.#takeChunk();
    const chunks: Uint8Array[] = [copyHeader];
    let at = from;
    while (at < to) {
      const first = this.#rows[at] as Row;
      let last = at;
      while (last + 1 < to && this.#rows[last + 1]?.chunk === first.chunk) last += 1;
      chunks.push((this.#chunks[first.chunk] as Buffer).subarray(first.from, (this.#rows[last] as Row).to));
      at = last + 1;
    }
    chunks.push(copyTrailer);
    return chunks;
  }

  /** Rejects the record of row `row`. */
  reject(row: number, cause: unknown): void {
    const { batch, index } = this.#rows[row] as Row;
    this.#ctx.reject(batch.records[index], cause, { batch, index });
  }

  /** Counts rows that were there already, or were overtaken by a later one of the same key. */
  countSkipped(rows: number): void {
    const last = this.#rows.at(-1);
    this.#ctx.count('skipped', rows, last === undefined ? {} : { batch: last.batch });
  }

  #encode(batch: Batch<unknown>, index: number): void {
    const { columns, encoding } = this.#plan;
    const writer = this.#writer;
    writer.int16(columns.length);
    for (const column of columns) {
      if (!('document' in column)) copyField(column.value(batch.records[index]), column.encode, writer, encoding);
      else if (batch.json === undefined || !writeDocument(batch.json, index, column.document, writer)) {
        copyField(batch.records[index], column.encode, writer, encoding);
      }
    }
  }

  #takeChunk(): void {
    if (this.#writer.length === 0) return;
    this.#bytes += this.#writer.length;
    this.#chunks.push(this.#writer.take());
  }
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
