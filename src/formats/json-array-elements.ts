import { isUtf8 } from 'node:buffer';

import type { JsonRecords } from './json-records.ts';
import { POSITION_MASK, verdicts } from './json-scan-events.ts';
import { acquireJsonScanner, releaseJsonScanner } from './json-scanner.ts';

const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The elements of a JSON array that is whole in memory, as views on its bytes. Nothing when the bytes are not one JSON array
 * in UTF-8. An array laid out over several lines is copied without its line breaks.
 */
export function jsonArrayElements(bytes: Buffer): JsonRecords | undefined {
  const open = skipSpace(bytes, 0);
  if (bytes[open] !== OPEN_LIST || !isUtf8(bytes)) return undefined;
  if (bytes.includes(NEWLINE) || bytes.includes(RETURN)) return onOneLine(bytes);
  const starts: number[] = [];
  const ends: number[] = [];
  const scanner = acquireJsonScanner('values');
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
        if (isLast) return skipSpace(bytes, start) === bytes.length ? views(bytes, starts, ends) : undefined;
      }
    }
    return undefined;
  } finally {
    releaseJsonScanner(scanner);
  }
}

function onOneLine(bytes: Buffer): JsonRecords | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  return jsonArrayElements(Buffer.from(JSON.stringify(value)));
}

function views(bytes: Buffer, starts: readonly number[], ends: readonly number[]): JsonRecords {
  return { bytes, starts: new Uint32Array(starts), ends: new Uint32Array(ends), count: starts.length };
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
