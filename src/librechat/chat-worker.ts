import { parentPort } from 'node:worker_threads';

import { bundleRecords } from './chat-records.ts';
import { packResult, unpackJob, type ChatJob } from './chat-jobs.ts';

// Runs in a thread of its own: makes the records of each job that comes in, in order. A job that fails is answered with null:
// whoever sent it does it again, and meets the error there.
const noKey = { key: Buffer.alloc(0), bytes: 0 };

parentPort?.on('message', (job: ChatJob) => {
  try {
    const made = unpackJob(job).map((group) => bundleRecords({ ...group, ...noKey }, job.choice));
    const result = packResult(made, job.bytes.buffer);
    parentPort?.postMessage(result, [result.bytes.buffer, result.lengths.buffer]);
  } catch {
    parentPort?.postMessage(null);
  }
});
parentPort?.postMessage('ready');
