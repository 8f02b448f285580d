import { deserialize, ObjectId } from 'bson';

/** One field of a document in bytes: its BSON type and where its value stands. */
export interface BsonElement {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

const fixedSizes: Readonly<Record<number, number>> = {
  0x01: 8, // double
  0x06: 0, // undefined
  0x07: 12, // ObjectId
  0x08: 1, // boolean
  0x09: 8, // date
  0x0a: 0, // null
  0x10: 4, // int32
  0x11: 8, // timestamp
  0x12: 8, // int64
  0x13: 16, // decimal128
  0x7f: 0, // max key
  0xff: 0, // min key
};

/**
 * Finds a top-level field of the document at `start` by walking over those before it, without decoding any.
 *
 * Nothing when there is no such field, or the bytes are not BSON.
 *
 * @see https://bsonspec.org/spec.html
 */
export function findElement(bytes: Buffer, start: number, name: string): BsonElement | undefined {
  const limit = Math.min(bytes.length, start + bytes.readInt32LE(start)) - 1;
  let at = start + 4;
  while (at < limit) {
    const type = bytes[at] ?? 0;
    const valueAt = nameEnd(bytes, at + 1, limit) + 1;
    if (type === 0 || valueAt > limit) return undefined;
    const end = valueAt + valueSize(bytes, type, valueAt, limit);
    if (!(end <= limit)) return undefined;
    if (isNamed(bytes, at + 1, valueAt - 1, name)) return { type, start: valueAt, end };
    at = end;
  }
  return undefined;
}

/** The fields of the document at `start`, in order. Ends early at bytes that are not BSON. */
export function* elements(bytes: Buffer, start: number): Generator<BsonElement> {
  const limit = Math.min(bytes.length, start + bytes.readInt32LE(start)) - 1;
  let at = start + 4;
  while (at < limit) {
    const type = bytes[at] ?? 0;
    const value = nameEnd(bytes, at + 1, limit) + 1;
    if (type === 0 || value > limit) return;
    const end = value + valueSize(bytes, type, value, limit);
    if (!(end <= limit)) return;
    yield { type, start: value, end };
    at = end;
  }
}

/**
 * An element's value as the `bson` package's types: numbers keep theirs (`Int32`, `Double`, `Long`).
 *
 * @throws {BSONError} when the value itself is broken.
 */
export function elementValue(bytes: Buffer, { type, start, end }: BsonElement): unknown {
  // The two types that nearly all ids and keys have.
  if (type === 0x07) return new ObjectId(Buffer.from(bytes.subarray(start, end)));
  if (type === 0x02) return bytes.toString('utf8', start + 4, end - 1);
  // A document of its own, with this value under an empty name.
  const document = Buffer.alloc(4 + 2 + (end - start) + 1);
  document.writeInt32LE(document.length, 0);
  document[4] = type;
  bytes.copy(document, 6, start, end);
  return deserialize(document, { promoteValues: false, promoteBuffers: false, bsonRegExp: true })[''];
}

/** How long a value is; NaN for a type that does not exist. */
function valueSize(bytes: Buffer, type: number, at: number, limit: number): number {
  const fixed = fixedSizes[type];
  if (fixed !== undefined) return fixed;
  if (type === 0x0b) return regexSize(bytes, at);
  if (at + 4 > limit) return Number.NaN;
  const length = bytes.readInt32LE(at);
  if (length < 0) return Number.NaN;
  switch (type) {
    case 0x02: // string
    case 0x0d: // code
    case 0x0e: // symbol
      return 4 + length;
    case 0x03: // document
    case 0x04: // array
    case 0x0f: // code with scope
      return length;
    case 0x05: // binary: and its subtype
      return 5 + length;
    case 0x0c: // DBPointer: a string and an ObjectId
      return 4 + length + 12;
    default:
      return Number.NaN;
  }
}

/** A pattern and its flags, each with a zero behind it; NaN when one is missing. */
function regexSize(bytes: Buffer, at: number): number {
  const pattern = bytes.indexOf(0, at);
  const flags = pattern < 0 ? -1 : bytes.indexOf(0, pattern + 1);
  return flags < 0 ? Number.NaN : flags + 1 - at;
}

/** Where the zero after a name stands. Names are short: a loop finds it sooner than a call of indexOf. */
function nameEnd(bytes: Buffer, from: number, limit: number): number {
  let at = from;
  while (at < limit && bytes[at] !== 0) at += 1;
  return at;
}

function isNamed(bytes: Buffer, from: number, to: number, name: string): boolean {
  // All names asked for in this library are ASCII; one that is not never matches byte for byte, so it is decoded.
  if (to - from === name.length) {
    let i = 0;
    while (i < name.length && bytes[from + i] === name.charCodeAt(i)) i += 1;
    if (i === name.length) return true;
  }
  return hasNonAscii(name) && bytes.toString('utf8', from, to) === name;
}

function hasNonAscii(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) > 127) return true;
  return false;
}
