import { isUtf8 } from 'node:buffer';
import { explainJson } from './explain-json.ts';
import { type BuiltChunk, EXCERPT_BYTES, type NumberedBadJson } from './json-chunk.ts';

/** Moves the records that are not UTF-8 to `bad`. Rare, so it may look at each. */
export function withoutBrokenText(chunk: BuiltChunk): BuiltChunk {
  const bytes = chunk.json.bytes as Buffer;
  const { starts, ends, count } = chunk.json;
  const kept: number[] = [];
  const bad: NumberedBadJson[] = [];
  const known = [...chunk.bad];
  for (let i = 0; i < count; i++) {
    while (known[0] && known[0].index <= i) bad.push({ ...(known.shift() as NumberedBadJson), index: kept.length });
    const record = bytes.subarray(starts[i], ends[i]);
    const reason = isUtf8(record) ? undefined : explainJson(record)?.reason;
    if (reason === undefined) {
      kept.push(i);
      continue;
    }
    bad.push({
      index: kept.length,
      number: chunk.numbers[i] ?? 0,
      offset: chunk.offsets[i] ?? 0,
      length: record.length,
      reason,
      text: record.toString('utf8', 0, EXCERPT_BYTES),
    });
  }
  for (const entry of known) bad.push({ ...entry, index: kept.length });
  return {
    json: {
      bytes,
      starts: Uint32Array.from(kept, (i) => starts[i] ?? 0),
      ends: Uint32Array.from(kept, (i) => ends[i] ?? 0),
      count: kept.length,
    },
    bad,
    offsets: Float64Array.from(kept, (i) => chunk.offsets[i] ?? 0),
    numbers: Float64Array.from(kept, (i) => chunk.numbers[i] ?? 0),
    end: chunk.end,
    takeBack: chunk.takeBack,
  };
}
