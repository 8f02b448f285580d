const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const SPACE = 0x20;
// Up to here a loop finds the end of a string sooner than a call into the runtime does.
const nearBytes = 24;

/** A piece of JSON text: from `start` up to but not including `end`. */
export interface JsonRange {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: `start` and `end` are its value's, `nameStart` is where its name begins, at the quote. */
export interface JsonMember extends JsonRange {
  readonly name: string;
  readonly nameStart: number;
}

/**
 * The members of an object, in the order they stand in the text, equal names included. Nothing of the values is decoded.
 *
 * The text must be valid JSON; for a value that is not an object there are no members.
 */
export function jsonMembers(bytes: Buffer, from = 0, to = bytes.length): JsonMember[] {
  const members: JsonMember[] = [];
  eachJsonMember(bytes, from, to, (name, start, end, nameStart) => members.push({ name, nameStart, start, end }));
  return members;
}

/**
 * {@link jsonMembers} without making objects of them. Gives the place behind the object, or behind what was there instead.
 *
 * @param endOf Where the value of a member ends that begins at `start`: for a caller that knows it sooner, or looks inside.
 */
export function eachJsonMember(
  bytes: Buffer,
  from: number,
  to: number,
  take: (name: string, start: number, end: number, nameStart: number) => void,
  endOf: (name: string, start: number) => number = (_, start) => jsonValueEnd(bytes, start),
): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] !== OPEN_OBJECT) return jsonValueEnd(bytes, at);
  at = skipSpace(bytes, at + 1);
  while (at < to && bytes[at] === QUOTE) {
    const nameStart = at;
    const nameEnd = skipString(bytes, at);
    at = skipSpace(bytes, nameEnd);
    if (bytes[at] !== COLON) break;
    const start = skipSpace(bytes, at + 1);
    const name = textOf(bytes, nameStart, nameEnd);
    const end = endOf(name, start);
    take(name, start, end, nameStart);
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return at + 1;
}

/** The elements of an array, without decoding them. The text must be valid JSON; anything else has no elements. */
export function jsonElements(bytes: Buffer, from = 0, to = bytes.length): JsonRange[] {
  const elements: JsonRange[] = [];
  eachJsonElement(bytes, from, to, (start) => {
    const end = jsonValueEnd(bytes, start);
    elements.push({ start, end });
    return end;
  });
  return elements;
}

/**
 * Goes through the elements of an array. Gives the place behind it, or behind what was there instead.
 *
 * @param endOf Where the element ends that begins at `start`.
 */
export function eachJsonElement(bytes: Buffer, from: number, to: number, endOf: (start: number) => number): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] !== OPEN_LIST) return jsonValueEnd(bytes, at);
  at = skipSpace(bytes, at + 1);
  while (at < to && bytes[at] !== CLOSE_LIST) {
    at = skipSpace(bytes, endOf(at));
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return at + 1;
}

/** The value of the first member of this name; nothing when there is none. */
export function jsonMember(members: readonly JsonMember[], name: string): JsonMember | undefined {
  return members.find((member) => member.name === name);
}

/** The value in a range: `JSON.parse` of it. */
export function jsonValue(bytes: Buffer, range: JsonRange): unknown {
  return JSON.parse(bytes.toString('utf8', range.start, range.end));
}

/** The place behind the value that begins at `start`. */
export function jsonValueEnd(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return skipString(bytes, start);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return skipScalar(bytes, start);
  return jsonContainerEnd(bytes, start + 1);
}

/** The place behind the object or array in which `from` lies, outside of anything in it. */
export function jsonContainerEnd(bytes: Buffer, from: number): number {
  let depth = 1;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      continue;
    }
    at += 1;
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return at;
}

/** The place behind the string whose opening quote is at `start`. */
function skipString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (const near = at + nearBytes; at < near; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at += 1;
    else if (byte === undefined) return bytes.length;
  }
  // An escape never ends outside the string: `at` is on one of its bytes or on its closing quote.
  for (let quote = bytes.indexOf(QUOTE, at); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let before = quote;
    while (before > at && bytes[before - 1] === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return bytes.length;
}

function skipScalar(bytes: Buffer, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= SPACE) break;
  }
  return at;
}

/** The first place from `from` on that is not white space. */
export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] ?? QUOTE) <= SPACE) at += 1;
  return at;
}

/** Names that were met, by a hash of their bytes: documents of a collection have the same few, and decoding is slow. */
const known: ({ readonly bytes: Buffer; readonly text: string } | undefined)[] = new Array<undefined>(1024);

/** A name's text. */
function textOf(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > 64) return decodedName(bytes, start, end);
  let hash = length;
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  const slot = hash & 1023;
  const name = known[slot];
  if (name !== undefined && isSame(name.bytes, bytes, start, length)) return name.text;
  const text = decodedName(bytes, start, end);
  known[slot] = { bytes: Buffer.from(bytes.subarray(start, end)), text };
  return text;
}

function isSame(name: Buffer, bytes: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** Escapes are rare in names, and JSON.parse is slow for thousands of short ones. */
function decodedName(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start + 1, end - 1);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}
