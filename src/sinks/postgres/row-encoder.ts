import type { ByteWriter } from '../../formats/byte-writer.ts';
import { copyField, type EncodeOptions, type ValueEncoder } from '../../formats/copy-binary.ts';
import type { JsonEncoder } from '../../formats/copy-from-json.ts';
import type { CopyJsonEncoder } from '../../formats/copy-json-encoder.ts';
import { eachJsonMember, jsonValue } from '../../formats/json-members.ts';
import { asBuffer, type JsonRecords } from '../../formats/json-records.ts';
import { mayHoldUnstorable, UnstorableValue, type UnstorablePolicy } from '../../formats/postgres-text.ts';
import type { Batch } from '../../stage.ts';

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

/** Writes records as rows, one by one, from their JSON text where the batch has it. */
export class RowEncoder {
  readonly #plan: RowPlan;
  readonly #encoding: EncodeOptions;
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

  /** `changed` is told of each value that had to be changed to be stored. */
  constructor(plan: RowPlan, changed: () => void) {
    this.#plan = plan;
    this.#encoding = { unstorable: plan.unstorable, changed };
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

  /**
   * Writes the row of the batch's record `index`.
   *
   * @throws {UnstorableValue} for a value that does not fit its column; then what was written does not count.
   */
  encode(batch: Batch<unknown>, index: number, writer: ByteWriter): void {
    const { columns } = this.#plan;
    const encoding = this.#encoding;
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
