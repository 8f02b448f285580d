import { isUtf8 } from 'node:buffer';
import { jsonScanStates as states } from './json-scan-states.ts';
import { TypeScriptJsonScanner } from './json-scanner-typescript.ts';

/** What keeps bytes from being one JSON value. */
export interface JsonMistake {
  /** 0-based byte offset of the mistake; the length when more was expected. */
  readonly offset: number;
  /** 1-based column in characters (code points), for text on one line. */
  readonly column: number;
  /** What was expected and what is there, with the column. */
  readonly reason: string;
}

const expected: Record<number, string> = {
  [states.value]: 'a value',
  [states.firstValue]: 'a value or "]"',
  [states.firstKey]: 'a property name in double quotes or "}"',
  [states.key]: 'a property name in double quotes',
  [states.colon]: '":"',
  [states.escape]: 'one of "\\/bfnrtu after a backslash',
  [states.hex]: 'four hexadecimal digits after \\u',
  [states.literal]: 'true, false or null',
  [states.minus]: 'a digit after "-"',
  [states.point]: 'a digit after "."',
  [states.exponent]: 'a digit, "+" or "-" in an exponent',
  [states.exponentSign]: 'a digit in an exponent',
};

/** Says what is wrong with bytes that should be one JSON value in UTF-8; undefined when nothing is. */
export function explainJson(bytes: Uint8Array): JsonMistake | undefined {
  return explainEncoding(bytes) ?? explainGrammar(bytes);
}

function explainGrammar(bytes: Uint8Array): JsonMistake | undefined {
  const scanner = new TypeScriptJsonScanner();
  scanner.reset('values');
  for (let from = 0; from < bytes.length; from += scanner.blockBytes) {
    const to = Math.min(bytes.length, from + scanner.blockBytes);
    const ended = scanner.scan(bytes, from, to);
    const lostAt = scanner.lostAt < 0 ? Infinity : scanner.lostAt;
    const endedAt = ended > 0 ? (scanner.events[0] ?? 0) & 0x3fffffff : Infinity;
    if (lostAt < endedAt) return mistake(bytes, from + lostAt, scanner.lostState);
    if (ended > 0)
      return mistake(bytes, from + endedAt, (scanner.events[0] ?? 0) >>> 30 === 3 ? states.value : states.after);
  }
  const verdict = scanner.finish();
  return verdict === 1 || verdict === 3 ? mistake(bytes, bytes.length, scanner.expects) : undefined;
}

function mistake(bytes: Uint8Array, offset: number, state: number): JsonMistake {
  const column = columnOf(bytes, offset);
  const c = bytes[offset];
  if (state === states.string) {
    const what = c === undefined ? 'ends inside a string' : `has the control character ${codePoint(c)} inside a string`;
    return { offset, column, reason: `${what} at column ${column}` };
  }
  const wanted = expected[state] ?? 'the end, "," or a closing bracket';
  return { offset, column, reason: `expected ${wanted} at column ${column}, found ${shown(bytes, offset)}` };
}

function shown(bytes: Uint8Array, offset: number): string {
  const c = bytes[offset];
  if (c === undefined) return 'the end';
  if (c < 0x20 || c === 0x7f) return codePoint(c);
  const [character = ''] = Buffer.from(bytes.subarray(offset, offset + 4)).toString('utf8');
  return character === '\ufeff' ? 'U+FEFF (a byte order mark)' : JSON.stringify(character);
}

function codePoint(c: number): string {
  return `U+${c.toString(16).toUpperCase().padStart(4, '0')}`;
}

function explainEncoding(bytes: Uint8Array): JsonMistake | undefined {
  if (isUtf8(bytes)) return undefined;
  // The longest prefix that is UTF-8 ends where the first bad sequence begins; a cut sequence at its end is bad too.
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes, middle)))) good = middle;
    else bad = middle;
  }
  const offset = wholeCharacters(bytes, good);
  const column = columnOf(bytes, offset);
  const byte = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
  return { offset, column, reason: `is not UTF-8 from column ${column} on (byte 0x${byte})` };
}

/** `length`, or less where that would cut a character that began within the last three bytes. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const c = bytes[length - back] ?? 0;
    if (c < 0x80) return length;
    if (c >= 0xc0) return back < (c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2) ? length - back : length;
  }
  return length;
}

function columnOf(bytes: Uint8Array, offset: number): number {
  let column = 1;
  for (let i = 0; i < offset; i++) if (((bytes[i] ?? 0) & 0xc0) !== 0x80) column++;
  return column;
}
