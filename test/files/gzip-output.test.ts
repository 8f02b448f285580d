import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';

import type { BlockCompressor } from '../../src/files/block-compressor.ts';
import { BufferedOutput } from '../../src/files/buffered-output.ts';
import { GzipOutput } from '../../src/files/gzip-output.ts';
import { GzipThreads, type GzipThreadsOptions } from '../../src/files/gzip-threads.ts';
import type { OutputTarget } from '../../src/files/output.ts';
import { createFastGzip } from '../../src/formats/fast-gzip.ts';

const here = createFastGzip() ?? assert.fail('wasm/deflate.wasm is not there: npm run build');
const blockBytes = 512 * 1024;

/** A file in memory. */
class MemoryTarget implements OutputTarget {
  bytes = Buffer.alloc(0);

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    assert.equal(position, this.bytes.length);
    this.bytes = Buffer.concat([this.bytes, ...pieces]);
  }

  async sync(): Promise<void> {}

  async truncate(length: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, length);
  }

  async close(): Promise<void> {}
}

const lines = Buffer.from(
  Array.from(
    { length: 60_000 },
    (_, i) => `{"id":${i},"digest":"${createHash('md5').update(`${i}`).digest('hex')}"}\n`,
  ).join(''),
);

interface Made {
  readonly target: MemoryTarget;
  readonly output: GzipOutput;
}

function outputTo(level: number, compressor?: BlockCompressor): Made {
  const target = new MemoryTarget();
  return { target, output: new GzipOutput(new BufferedOutput(target, 0), level, compressor) };
}

/** Everything written in pieces, and an end of the block in the middle. */
async function written({ target, output }: Made, pieceBytes: number): Promise<Buffer> {
  const middle = Math.ceil(lines.length / 2 / pieceBytes) * pieceBytes;
  try {
    for (let from = 0; from < lines.length; from += pieceBytes) {
      if (from === middle) await output.endBlock();
      const piece = lines.subarray(from, from + pieceBytes);
      await (from % 3 === 0 ? output.writeText(piece.toString()) : output.write(piece));
    }
    await output.sync();
    assert.equal(output.length, target.bytes.length);
    return target.bytes;
  } finally {
    await output.close();
  }
}

for (const level of [1, 2, 9]) {
  test(`level ${level}: a gzip file that gzip itself takes`, async () => {
    const bytes = await written(outputTo(level), 1000);
    assert.ok(gunzipSync(bytes).equals(lines));
    execFileSync('gzip', ['-t'], { input: bytes });
  });
}

test('pieces larger than a block, and ones that end with it', async () => {
  for (const pieceBytes of [blockBytes - 1, blockBytes, blockBytes + 1, 2 * blockBytes, lines.length]) {
    const bytes = await written(outputTo(1), pieceBytes);
    assert.ok(gunzipSync(bytes).equals(lines), `${pieceBytes}`);
  }
});

test('how the text comes does not matter: blocks end at the same bytes', async () => {
  const all = async (pieceBytes: number): Promise<Buffer> => {
    const { target, output } = outputTo(1);
    for (let from = 0; from < lines.length; from += pieceBytes)
      await output.write(lines.subarray(from, from + pieceBytes));
    await output.sync();
    await output.close();
    return target.bytes;
  };
  const once = await all(lines.length);
  for (const pieceBytes of [7001, 100_000, blockBytes, 700_000]) assert.ok((await all(pieceBytes)).equals(once));
});

test('cut back to where it was brought to the disk and written again, the file is the same', async () => {
  const half = Math.floor(lines.length / 2);
  const write = async (rest: readonly Buffer[]): Promise<Buffer> => {
    const { target, output } = outputTo(1);
    await output.write(lines.subarray(0, half));
    await output.sync();
    const { length } = output;
    for (const [place, text] of rest.entries()) {
      if (place > 0) await output.cutBack(length);
      await output.write(text);
    }
    await output.sync();
    await output.close();
    return target.bytes;
  };
  const rest = lines.subarray(half);
  const unbroken = await write([rest]);
  assert.ok(gunzipSync(unbroken).equals(lines));
  assert.ok((await write([rest.subarray(0, 900_000), Buffer.from('lost'), rest])).equals(unbroken));
});

test('a file of nothing is a gzip file', async () => {
  for (const level of [1, 6]) {
    const { target, output } = outputTo(level);
    await output.sync();
    await output.close();
    assert.equal(gunzipSync(target.bytes).length, 0);
  }
});

// The thread from sources: workers do not inherit the loader that strips the types.
const worker = new URL('../helpers/gzip-worker.mjs', import.meta.url);

function script(code: string): URL {
  return new URL(`data:text/javascript,import { parentPort } from 'node:worker_threads';${encodeURIComponent(code)}`);
}

/** Threads that are ready before the first block. */
async function ready(path: URL, options: GzipThreadsOptions = {}) {
  const workers: Worker[] = [];
  const start = (): Worker => {
    workers.push(new Worker(path));
    return workers.at(-1) ?? assert.fail();
  };
  const threads = new GzipThreads(here, { start, threads: 2, startAfterBytes: 0, ...options });
  await threads.compress(Buffer.from(new SharedArrayBuffer(1)));
  await Promise.all(
    workers.map((one) => Promise.race([once(one, 'message'), once(one, 'exit')]).catch(() => undefined)),
  );
  return { threads, workers };
}

test('threads give the same file', async () => {
  const alone = await written(outputTo(1, new GzipThreads(here, { threads: 0 })), 5000);
  const { threads, workers } = await ready(worker);
  const sent = workers.map((one) => {
    let jobs = 0;
    const post = one.postMessage.bind(one);
    one.postMessage = (...message: Parameters<typeof post>) => {
      jobs += 1;
      post(...message);
    };
    return () => jobs;
  });
  const exits = workers.map((one) => once(one, 'exit'));
  assert.ok((await written(outputTo(1, threads), 5000)).equals(alone));
  for (const jobs of sent) assert.ok(jobs() > 1, `${jobs()} jobs`);
  await Promise.all(exits);
});

test('a thread that cannot be started, fails or ends leaves its blocks to this one', async () => {
  const alone = await written(outputTo(1, new GzipThreads(here, { threads: 0 })), 5000);
  for (const path of [
    new URL('./no-such-file.mjs', import.meta.url),
    script(`parentPort.postMessage('ready'); parentPort.on('message', () => process.exit());`),
    script(`parentPort.postMessage('ready'); parentPort.on('message', () => { throw new Error('broken'); });`),
  ]) {
    const { threads } = await ready(path);
    assert.ok((await written(outputTo(1, threads), 5000)).equals(alone), path.href.slice(0, 60));
  }
  const refused = new GzipThreads(here, {
    startAfterBytes: 0,
    threads: 2,
    start: () => {
      throw new Error('not allowed');
    },
  });
  assert.ok((await written(outputTo(1, refused), 5000)).equals(alone));
});
