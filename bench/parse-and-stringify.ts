import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';

import type { Work } from './harness.ts';

const readSize = 1 << 20;
const writeSize = 1 << 18;
const lineFeed = 10;

/**
 * The loop our figures are held against: JSON lines from a file to a file through `JSON.parse`, one function, and
 * `JSON.stringify`, with nothing else in it. Its reading and writing are as fast as we know how to make them: 1 MB reads cut
 * at line feeds, text encoded into one block that is written when it is full, no promises at all, one fsync at the end.
 */
export function parseAndStringify(from: string, to: string, change: (record: unknown) => unknown): Work {
  const input = openSync(from, 'r');
  const output = openSync(to, 'w');
  const block = Buffer.allocUnsafe(writeSize);
  let used = 0;
  let records = 0;
  const bytes = eachLine(input, (line) => {
    records += 1;
    const text = JSON.stringify(change(JSON.parse(line.toString('utf8'))));
    // Three bytes are the most that UTF-8 takes for one UTF-16 unit.
    const most = text.length * 3 + 1;
    if (used + most > writeSize) {
      writeSync(output, block, 0, used);
      used = 0;
    }
    if (most > writeSize) {
      writeSync(output, `${text}\n`);
      return;
    }
    used += block.write(text, used);
    block[used] = lineFeed;
    used += 1;
  });
  writeSync(output, block, 0, used);
  fsyncSync(output);
  closeSync(output);
  closeSync(input);
  return { records, bytes };
}

/** The loop as it is usually written: `readline`, and a write a line. For comparison only. */
export async function usualParseAndStringify(
  from: string,
  to: string,
  change: (record: unknown) => unknown,
): Promise<Work> {
  const output = createWriteStream(to, { flush: true });
  let records = 0;
  for await (const line of createInterface({ input: createReadStream(from), crlfDelay: Number.POSITIVE_INFINITY })) {
    records += 1;
    if (!output.write(`${JSON.stringify(change(JSON.parse(line)))}\n`)) await once(output, 'drain');
  }
  output.end();
  await finished(output);
  return { records, bytes: statSync(from).size };
}

/** The same loop over bytes in memory, its output thrown away: what parsing and stringifying cost by themselves. */
export function parseAndStringifyInMemory(data: Buffer, change: (record: unknown) => unknown): Work {
  let records = 0;
  let characters = 0;
  for (let from = 0; from < data.length; ) {
    const end = data.indexOf(lineFeed, from);
    characters += JSON.stringify(change(JSON.parse(data.toString('utf8', from, end)))).length;
    records += 1;
    from = end + 1;
  }
  return { records, bytes: data.length, output: String(characters) };
}

/** Calls `take` with every line of a file; gives the file's length. */
function eachLine(input: number, take: (line: Buffer) => void): number {
  let buffer = Buffer.allocUnsafe(readSize * 2);
  let kept = 0;
  let bytes = 0;
  for (;;) {
    if (buffer.length - kept < readSize) buffer = Buffer.concat([buffer.subarray(0, kept)], buffer.length * 2);
    const read = readSync(input, buffer, kept, readSize, null);
    if (read === 0) break;
    bytes += read;
    const end = kept + read;
    let from = 0;
    for (let to = buffer.indexOf(lineFeed, from); to !== -1 && to < end; to = buffer.indexOf(lineFeed, from)) {
      take(buffer.subarray(from, to));
      from = to + 1;
    }
    buffer.copyWithin(0, from, end);
    kept = end - from;
  }
  if (kept > 0) take(buffer.subarray(0, kept));
  return bytes;
}
