import { randomUUID } from 'node:crypto';

import { freeMemory } from './free-memory.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LETTER_U = 0x75;

// A longer string is taken out before the rest is parsed.
const longBytes = 256 * 1024;
const pieceBytes = 64 * 1024;
/** `\\u` and four digits. */
const longestEscape = 6;

/** How a large record is parsed. */
export interface ParseLargeJsonOptions {
  /** Whether its bytes may be used up: a long string is written over its own JSON text then, and not into other memory. */
  readonly inPlace?: boolean | undefined;
}

/**
 * What `JSON.parse` gives for a large record. Slower than that where there are many small strings, and without the whole text
 * as a string: it would be in memory once more, for as long as the garbage collector leaves it there.
 *
 * @param bytes From `start` to `end` one valid JSON value. With `inPlace` they hold something else afterwards.
 */
export function parseLargeJson(
  bytes: Buffer,
  start: number,
  end: number,
  { inPlace = false }: ParseLargeJsonOptions = {},
): unknown {
  const mark = randomUUID();
  const long: string[] = [];
  const rest: string[] = [];
  let taken = start;
  for (const { from, to } of longStrings(bytes, start, end)) {
    rest.push(bytes.toString('utf8', taken, from), mark, String(long.length));
    const text = bytes.subarray(from, to);
    long.push(inPlace ? unescaped(text, text) : unescapedElsewhere(text));
    taken = to;
  }
  rest.push(bytes.toString('utf8', taken, end));
  const value: unknown = JSON.parse(rest.join(''));
  if (long.length === 0) return value;
  return filledIn(value, (text) => (text.startsWith(mark) ? long[Number(text.slice(mark.length))] : undefined));
}

interface StringPlace {
  /** Of its first byte. */
  readonly from: number;
  /** Of the quote behind it. */
  readonly to: number;
}

/** Where long strings are that are values and not keys. */
function* longStrings(bytes: Buffer, start: number, end: number): Generator<StringPlace> {
  let at = start;
  for (;;) {
    const open = bytes.indexOf(QUOTE, at);
    if (open === -1 || open >= end) return;
    const close = closingQuote(bytes, open + 1);
    if (close - open > longBytes && !isKey(bytes, close + 1, end)) yield { from: open + 1, to: close };
    at = close + 1;
  }
}

function closingQuote(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1 || !isEscaped(bytes, quote, from)) return quote;
    at = quote + 1;
  }
}

/** Whether an odd number of backslashes stands before it. No escape begins before `from` and ends behind it. */
function isEscaped(bytes: Buffer, at: number, from: number): boolean {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

function isKey(bytes: Buffer, after: number, end: number): boolean {
  let at = after;
  while (at < end && (bytes[at] ?? 0) <= 0x20) at += 1;
  return bytes[at] === COLON;
}

function unescapedElsewhere(text: Buffer): string {
  if (!text.includes(BACKSLASH)) return text.toString('utf8');
  const memory = Buffer.allocUnsafeSlow(text.length);
  try {
    return unescaped(text, memory);
  } finally {
    freeMemory(memory);
  }
}

/** A string from its JSON text, by way of `memory`, which may be the text's own: it is never longer than that. */
function unescaped(text: Buffer, memory: Buffer): string {
  if (!text.includes(BACKSLASH)) return text.toString('utf8');
  let at = 0;
  let used = 0;
  while (at < text.length) {
    const next = pieceEnd(text, at);
    const piece = JSON.parse(`"${text.toString('utf8', at, next)}"`) as string;
    // UTF-8 has no half of a surrogate pair.
    if (!piece.isWellFormed())
      return memory.toString('utf8', 0, used) + (JSON.parse(`"${text.toString('utf8', at)}"`) as string);
    used += memory.write(piece, used, 'utf8');
    at = next;
  }
  return memory.toString('utf8', 0, used);
}

/** Where a piece ends: not inside of a character or of an escape. */
function pieceEnd(text: Buffer, from: number): number {
  let end = Math.min(from + pieceBytes, text.length);
  if (end === text.length) return end;
  while (((text[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const before = end - longestEscape + 1;
  const backslash = before + text.subarray(before, end).lastIndexOf(BACKSLASH);
  if (backslash < before || isEscaped(text, backslash, from)) return end;
  const length = text[backslash + 1] === LETTER_U ? longestEscape : 2;
  return backslash + length > end ? backslash : end;
}

/** The value with some of its strings changed. Not by recursion: it may be deeper than the stack. */
function filledIn(value: unknown, stringFor: (text: string) => string | undefined): unknown {
  const root: Record<string, unknown> = { value };
  const left: Record<string, unknown>[] = [root];
  for (let holder = left.pop(); holder !== undefined; holder = left.pop()) {
    for (const [key, inner] of Object.entries(holder)) {
      if (typeof inner === 'object' && inner !== null) left.push(inner as Record<string, unknown>);
      const other = typeof inner === 'string' ? stringFor(inner) : undefined;
      // As JSON.parse does it: a field `__proto__` is one of its own.
      if (other !== undefined)
        Object.defineProperty(holder, key, { value: other, writable: true, enumerable: true, configurable: true });
    }
  }
  return root['value'];
}
