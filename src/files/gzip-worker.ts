import { parentPort } from 'node:worker_threads';

import { createFastGzip } from '../formats/fast-gzip.ts';
import type { GzipAnswer, GzipJob } from './gzip-threads.ts';

// Runs in a thread of its own: compresses the blocks that come in, in order. Where it cannot, it ends, and whoever sent them
// compresses them itself.
const gzip = createFastGzip();

parentPort?.on('message', ({ memory, length }: GzipJob) => {
  if (gzip === undefined) process.exit();
  const member = gzip.compress(new Uint8Array(memory, 0, length));
  // Behind the block, not over it: if this thread ends, the block is compressed by another.
  const isRoom = length + member.length <= memory.byteLength;
  if (isRoom) new Uint8Array(memory, length).set(member);
  answer(isRoom ? member.length : member.slice());
});
answer('ready');

function answer(message: GzipAnswer): void {
  parentPort?.postMessage(message);
}
