import type { JsonRecords } from './json-records.ts';

const NEWLINE = 0x0a;

/** Bytes the records take as lines: their text and one `\n` each. */
export function jsonLinesByteLength({ starts, ends, count }: JsonRecords): number {
  let total = count;
  for (let i = 0; i < count; i++) total += (ends[i] ?? 0) - (starts[i] ?? 0);
  return total;
}

/**
 * The records as lines, a `\n` after each: a view without copying when they already lie so in their buffer (what the
 * readers in this folder give), else one copy. Do not change what you get.
 */
export function jsonLines(json: JsonRecords): Uint8Array {
  if (json.count === 0) return json.bytes.subarray(0, 0);
  const from = json.starts[0] ?? 0;
  const runEnd = endOfRun(json, 0);
  if (runEnd === json.count) {
    const end = json.ends[json.count - 1] ?? 0;
    if (json.bytes[end] === NEWLINE) return json.bytes.subarray(from, end + 1);
  }
  const target = Buffer.allocUnsafeSlow(jsonLinesByteLength(json));
  writeJsonLines(json, 0, target, 0);
  return target;
}

/**
 * Copies records as lines into `target` from `offset` on, beginning with record `from`, as many whole records as fit.
 *
 * Runs that already lie as lines are copied at once. Gives the first record not written (`json.count` when all were) and
 * the offset after the last byte written. A record larger than the whole target is never written: `next` stays `from`.
 */
export function writeJsonLines(
  json: JsonRecords,
  from: number,
  target: Uint8Array,
  offset: number,
): { next: number; offset: number } {
  const { bytes, starts, ends, count } = json;
  let next = from;
  while (next < count) {
    const start = starts[next] ?? 0;
    let runEnd = endOfRun(json, next);
    // What does not fit is left out from the back; runs are short where this loop would be long.
    while (runEnd > next && offset + (ends[runEnd - 1] ?? 0) - start + 1 > target.length) runEnd--;
    if (runEnd === next) break;
    const end = ends[runEnd - 1] ?? 0;
    target.set(bytes.subarray(start, end), offset);
    offset += end - start;
    target[offset++] = NEWLINE;
    next = runEnd;
  }
  return { next, offset };
}

/** The first record after `from` that does not follow its predecessor with exactly one `\n` between them. */
function endOfRun({ bytes, starts, ends, count }: JsonRecords, from: number): number {
  let i = from + 1;
  while (i < count) {
    const end = ends[i - 1] ?? 0;
    if (starts[i] !== end + 1 || bytes[end] !== NEWLINE) break;
    i++;
  }
  return i;
}
