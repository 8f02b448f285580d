import { recordCount } from '../../batch.ts';
import { EtlError } from '../../errors.ts';
import { ByteWriter, reuseBuffer } from '../../formats/byte-writer.ts';
import { copyHeader, copyTrailer } from '../../formats/copy-binary.ts';
import { jsonRecordText } from '../../formats/json-records.ts';
import { UnstorableText } from '../../formats/postgres-text.ts';
import type { Json } from '../../json.ts';
import type { Batch, StageContext } from '../../stage.ts';
import { RowEncoder, type RowPlan } from './row-encoder.ts';

// Rows are cut into buffers of about this size: large enough for the socket, small enough to be sent while the next is filled.
const chunkBytes = 256 * 1024;
const bufferBytes = chunkBytes + chunkBytes / 2;

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
  readonly #encoder: RowEncoder;
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
    this.#encoder = new RowEncoder(plan, () => {
      this.#changes += 1;
    });
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
      this.#encoder.encode(batch, record, this.#writer);
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
