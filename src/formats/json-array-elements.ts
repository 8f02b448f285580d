import { isUtf8 } from 'node:buffer';

import type { JsonRecords } from './json-records.ts';
import { POSITION_MASK, verdicts } from './json-scan-events.ts';
import { acquireJsonScanner, releaseJsonScanner } from './json-scanner.ts';

const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Elements, and whether some member has the name that was asked for. */
export interface MarkedRecords extends JsonRecords {
  readonly mayHoldMark: boolean;
}

/**
 * The elements of a JSON array that is whole in memory, as views on its bytes. Nothing when the bytes are not one JSON array
 * in UTF-8. An array laid out over several lines is copied without its line breaks. `mark`: eight bytes of ASCII that the name
 * of a member ends with; `mayHoldMark` is never wrong when it says that no such member, wherever it stands, is text.
 */
export function jsonArrayElements(bytes: Buffer, mark?: string): MarkedRecords | undefined {
  const open = skipSpace(bytes, 0);
  if (bytes[open] !== OPEN_LIST || !isUtf8(bytes)) return undefined;
  const starts: number[] = [];
  const ends: number[] = [];
  const scanner = acquireJsonScanner('values', undefined, mark);
  try {
    let start = open + 1;
    for (let from = start; from < bytes.length; from += scanner.blockBytes) {
      const events = scanner.scan(bytes, from, Math.min(bytes.length, from + scanner.blockBytes));
      for (let i = 0; i < events; i++) {
        const event = scanner.events[i] ?? 0;
        const end = from + (event & POSITION_MASK);
        const isLast = bytes[end] === CLOSE_LIST;
        if (!isLast && bytes[end] !== COMMA) return undefined;
        const isNone = event >>> 30 === verdicts.empty && isLast && starts.length === 0;
        if (event >>> 30 === verdicts.valid) {
          starts.push(skipSpace(bytes, start));
          ends.push(backOverSpace(bytes, end));
        } else if (!isNone) return undefined;
        start = end + 1;
        if (!isLast) continue;
        if (skipSpace(bytes, start) !== bytes.length) return undefined;
        if (scanner.mayHoldBreaks && hasBreaks(bytes)) return onOneLine(bytes, mark);
        return views(bytes, starts, ends, scanner.mayHoldMark);
      }
    }
    return undefined;
  } finally {
    releaseJsonScanner(scanner);
  }
}

function hasBreaks(bytes: Buffer): boolean {
  return bytes.includes(NEWLINE) || bytes.includes(RETURN);
}

function onOneLine(bytes: Buffer, mark: string | undefined): MarkedRecords | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  return jsonArrayElements(Buffer.from(JSON.stringify(value)), mark);
}

function views(bytes: Buffer, starts: readonly number[], ends: readonly number[], mayHoldMark: boolean): MarkedRecords {
  return { bytes, starts: new Uint32Array(starts), ends: new Uint32Array(ends), count: starts.length, mayHoldMark };
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] ?? 0x21) <= 0x20) at += 1;
  return at;
}

function backOverSpace(bytes: Buffer, to: number): number {
  let at = to;
  while ((bytes[at - 1] ?? 0x21) <= 0x20) at -= 1;
  return at;
}
