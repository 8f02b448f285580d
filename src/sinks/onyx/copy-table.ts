import { copyInto } from '../../connections/postgres-copy.ts';
import type { PostgresClient } from '../../connections/postgres.ts';
import { ByteWriter } from '../../formats/byte-writer.ts';
import {
  copyField,
  copyHeader,
  copyTrailer,
  valueEncoders,
  type EncodeOptions,
  type ValueEncoder,
} from '../../formats/copy-binary.ts';

const chunkBytes = 128 * 1024;
/** Room for a row more than a piece, so that filling it moves nothing. */
const bufferBytes = chunkBytes + chunkBytes / 4;
const epochMicros = 946_684_800_000_000n;

/** Column types that rows of an import have; `micros` is timestamptz from whole microseconds since 1970. */
export type CopyType = 'text' | 'varchar' | 'int4' | 'bool' | 'uuid' | 'jsonb' | 'float8' | '_varchar' | 'micros';

/** How a column is filled. */
export type CopyColumn<Row> = readonly [name: string, type: CopyType, value: (row: Row) => unknown];

/** Rows of one table on their way to the server, in PostgreSQL's binary form. */
export class CopyTable<Row> {
  readonly #statement: string;
  readonly #columns: readonly { readonly encode: ValueEncoder; readonly value: (row: Row) => unknown }[];
  readonly #options: EncodeOptions;
  readonly #chunks: Buffer[] = [copyHeader];
  readonly #writer = new ByteWriter(bufferBytes);
  #isEmpty = true;
  #isEnded = false;

  constructor(table: string, columns: readonly CopyColumn<Row>[], options: EncodeOptions) {
    this.#statement = `copy ${table} (${columns.map(([name]) => name).join(', ')}) from stdin (format binary)`;
    this.#columns = columns.map(([, type, value]) => ({ encode: encoderOf(type), value }));
    this.#options = options;
  }

  add(row: Row): void {
    this.#isEmpty = false;
    this.#writer.int16(this.#columns.length);
    for (const { encode, value } of this.#columns) copyField(value(row), encode, this.#writer, this.#options);
    if (this.#writer.length >= chunkBytes) this.#chunks.push(this.#writer.take());
  }

  /** Sends all rows, in one statement, and tells when they are flowing. May be repeated; nothing is added after it. */
  async send(client: PostgresClient, signal: AbortSignal, isFlowing?: () => void): Promise<void> {
    if (this.#isEmpty) return;
    if (!this.#isEnded) this.#chunks.push(this.#writer.take(), copyTrailer);
    this.#isEnded = true;
    await copyInto(client, this.#statement, this.#chunks, signal, isFlowing);
  }
}

function encoderOf(type: CopyType): ValueEncoder {
  if (type === 'uuid') return sameUuids();
  if (type === 'micros') return (value, writer) => writer.int64(BigInt(value as number) - epochMicros);
  return encoderNamed(type);
}

function encoderNamed(type: string): ValueEncoder {
  const encode = valueEncoders[type];
  if (encode === undefined) throw new Error(`no form for ${type}`);
  return encode;
}

/** Rows of one chat follow each other: their id is taken apart once. */
function sameUuids(): ValueEncoder {
  let last: unknown;
  let bytes: Uint8Array = copyTrailer;
  const encode = encoderNamed('uuid');
  return (value, writer, options) => {
    if (value !== last) {
      const one = new ByteWriter(16);
      encode(value, one, options);
      last = value;
      bytes = one.take();
    }
    writer.bytes(bytes);
  };
}
