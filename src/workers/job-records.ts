import { isAscii } from 'node:buffer';

import { largeRecord } from '../formats/json-pieces.ts';
import { parseLargeJson } from '../formats/parse-large-json.ts';

/**
 * The records of a job, each decoded when it is asked for: of those before nothing is held.
 *
 * @param lines Each record as JSON text and a byte behind it, one after the other. That of a large one is used up.
 * @param lengths Bytes of the records, without what is behind them.
 */
export function jobRecords(lines: Buffer, lengths: Uint32Array): (index: number) => unknown {
  const starts = new Uint32Array(lengths.length + 1);
  for (const [index, length] of lengths.entries()) starts[index + 1] = (starts[index] ?? 0) + length + 1;
  // latin1 is a plain copy; UTF-8 has to be looked at. Asking once for all is nearly free.
  const encoding = isAscii(lines.subarray(0, starts[lengths.length])) ? 'latin1' : 'utf8';
  return (index) => {
    const start = starts[index] ?? 0;
    const end = (starts[index + 1] ?? 1) - 1;
    if (end - start > largeRecord) return parseLargeJson(lines, start, end, { inPlace: true });
    return JSON.parse(lines.toString(encoding, start, end)) as unknown;
  };
}
