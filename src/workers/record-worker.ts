import { parentPort, workerData } from 'node:worker_threads';

import { decodeJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import { packError } from './packed-error.ts';
import { readyWork, type RecordWork } from './record-work.ts';
import type { RecordAnswer, RecordJob } from './record-threads.ts';

// Runs in a thread of its own: does the work on the records of each batch that comes in, one batch after the other.
const work = await readyWork(workerData as RecordWork);
let last = Promise.resolve();

parentPort?.on('message', (job: RecordJob) => {
  last = last.then(() => answer(job));
});
parentPort?.postMessage('ready');

async function answer(job: RecordJob): Promise<void> {
  const { problems, kept, json } = await work(decodeJsonRecords(recordsOf(job)));
  const packed = problems.map(({ index, error }) => ({ index, error: packError(error) }));
  const views = [kept, json?.bytes, json?.starts, json?.ends].filter((view) => view !== undefined);
  parentPort?.postMessage(
    { problems: packed, kept, json } satisfies RecordAnswer,
    // Made here and kept by nobody.
    views.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function recordsOf({ memory, lengths }: RecordJob): JsonRecords {
  const count = lengths.length;
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    starts[i] = at;
    at += lengths[i] ?? 0;
    ends[i] = at++;
  }
  return { bytes: Buffer.from(memory, 0, at), starts, ends, count };
}
