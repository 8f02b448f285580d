import { parentPort, workerData } from 'node:worker_threads';

import { largeRecord } from '../formats/json-pieces.ts';
import { jobMemory } from './job-memory.ts';
import { jobRecords } from './job-records.ts';
import { packError } from './packed-error.ts';
import { readyWork, type RecordWork } from './record-work.ts';
import type { RecordAnswer, RecordJob } from './record-threads.ts';

// Runs in a thread of its own: does the work on the records of each batch that comes in, one batch after the other.
const work = await readyWork(workerData as RecordWork);
let last = Promise.resolve();
/** What an answer is written into: the memory of a job before. */
const free = jobMemory(1);

parentPort?.on('message', (job: RecordJob) => {
  last = last.then(() => answer(job));
});
parentPort?.postMessage('ready');

async function answer(job: RecordJob): Promise<void> {
  const given = Buffer.from(job.memory);
  // A record by itself is decoded before anything is written: what becomes of it takes its place. It may be a large one.
  const isAlone = job.lengths.length === 1;
  const memory = isAlone ? given : free.take(given.length);
  const recordAt = jobRecords(given, job.lengths);
  const isLarge = (index: number): boolean => (job.lengths[index] ?? 0) > largeRecord;
  const { problems, kept, json } = await work({ recordAt, isLarge, count: job.lengths.length, memory });
  if (!isAlone) free.giveBack(json === undefined ? memory : given);
  const packed = problems.map(({ index, error }) => ({ index, error: packError(error) }));
  const memoryBack = (json?.bytes ?? given).buffer as ArrayBuffer;
  const views = [kept, json?.starts, json?.ends].filter((view) => view !== undefined);
  parentPort?.postMessage(
    { problems: packed, kept, json, memory: memoryBack } satisfies RecordAnswer,
    // Made here and kept by nobody.
    [memoryBack, ...views.map(({ buffer }) => buffer as ArrayBuffer)],
  );
}
