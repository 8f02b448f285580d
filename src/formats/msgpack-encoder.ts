import { exactNumber } from './exact-numbers.ts';

/** An extension type of msgpack: a code and what it holds, encoded itself. */
export class MsgpackExtension {
  readonly code: number;
  readonly payload: unknown;

  constructor(code: number, payload: unknown) {
    this.code = code;
    this.payload = payload;
  }
}

/**
 * A JSON value as msgpack, as LangGraph's Python serializer writes it: the smallest form of integers and headers, floats with
 * eight bytes, properties in their order. A whole number is an integer: JSON does not tell `3.0` from `3`. Numbers that were
 * marked (see {@link exactNumber}) are what they were, integers beyond 64 bits the nearest float.
 *
 * @throws {RangeError} for text or lists of 4 GB and more. What JSON has no form for is written as null.
 */
export function encodeMsgpack(value: unknown): Buffer {
  const pieces: Uint8Array[] = [];
  write(value, pieces);
  return Buffer.concat(pieces);
}

function write(value: unknown, out: Uint8Array[]): void {
  if (value === true || value === false) out.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number') out.push(numberBytes(value));
  else if (typeof value === 'string') {
    const exact = exactNumber(value);
    if (exact === undefined) writeText(value, out);
    else out.push(exactBytes(exact));
  } else if (value instanceof Uint8Array) {
    header(value.length, [undefined, 0, 0xc4, 0xc5, 0xc6], out);
    out.push(value);
  } else if (value instanceof MsgpackExtension) writeExtension(value, out);
  else if (Array.isArray(value)) {
    header(value.length, [0x90, 15, undefined, 0xdc, 0xdd], out);
    for (const item of value) write(item, out);
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    header(entries.length, [0x80, 15, undefined, 0xde, 0xdf], out);
    for (const [name, item] of entries) {
      writeText(name, out);
      write(item, out);
    }
  } else out.push(Buffer.of(0xc0));
}

function writeText(text: string, out: Uint8Array[]): void {
  const bytes = Buffer.from(text);
  header(bytes.length, [0xa0, 31, 0xd9, 0xda, 0xdb], out);
  out.push(bytes);
}

function writeExtension({ code, payload }: MsgpackExtension, out: Uint8Array[]): void {
  const bytes = encodeMsgpack(payload);
  const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
  if (fixed >= 0) out.push(Buffer.of(0xd4 + fixed));
  else header(bytes.length, [undefined, 0, 0xc7, 0xc8, 0xc9], out);
  out.push(Buffer.of(code), bytes);
}

/** Forms of a length: in the first byte up to a limit, with one byte, two, four. */
type Forms = readonly [fix: number | undefined, fixMax: number, one: number | undefined, two: number, four: number];

function header(length: number, [fix, fixMax, one, two, four]: Forms, out: Uint8Array[]): void {
  if (fix !== undefined && length <= fixMax) out.push(Buffer.of(fix + length));
  else if (one !== undefined && length < 0x100) out.push(Buffer.of(one, length));
  else if (length < 0x1_0000) out.push(Buffer.of(two, length >> 8, length & 0xff));
  else if (length < 0x1_0000_0000) {
    const bytes = Buffer.alloc(5);
    bytes[0] = four;
    bytes.writeUInt32BE(length, 1);
    out.push(bytes);
  } else throw new RangeError(`${length} is more than msgpack can hold in one value`);
}

function exactBytes(text: string): Buffer {
  if (text.includes('.')) return floatBytes(Number(text));
  const value = BigInt(text);
  const bytes = Buffer.alloc(9);
  if (value === BigInt.asIntN(64, value)) {
    bytes[0] = value < 0n ? 0xd3 : 0xcf;
    bytes.writeBigInt64BE(value, 1);
  } else if (value === BigInt.asUintN(64, value)) {
    bytes[0] = 0xcf;
    bytes.writeBigUInt64BE(value, 1);
  } else return floatBytes(Number(text));
  return bytes;
}

function floatBytes(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function numberBytes(value: number): Buffer {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return floatBytes(value);
  if (value >= -32 && value < 128) return Buffer.of(value & 0xff);
  const bytes = Buffer.alloc(9);
  if (value >= 0) {
    if (value < 0x100) return Buffer.of(0xcc, value);
    if (value < 0x1_0000) return head(bytes, 0xcd, bytes.writeUInt16BE(value, 1));
    if (value < 0x1_0000_0000) return head(bytes, 0xce, bytes.writeUInt32BE(value, 1));
    return head(bytes, 0xcf, bytes.writeBigUInt64BE(BigInt(value), 1));
  }
  if (value >= -0x80) return Buffer.of(0xd0, value & 0xff);
  if (value >= -0x8000) return head(bytes, 0xd1, bytes.writeInt16BE(value, 1));
  if (value >= -0x8000_0000) return head(bytes, 0xd2, bytes.writeInt32BE(value, 1));
  return head(bytes, 0xd3, bytes.writeBigInt64BE(BigInt(value), 1));
}

function head(bytes: Buffer, first: number, length: number): Buffer {
  bytes[0] = first;
  return bytes.subarray(0, length);
}
