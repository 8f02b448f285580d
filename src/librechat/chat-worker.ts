import { parentPort } from 'node:worker_threads';

import { bundleLinePieces } from '../formats/bundle-line.ts';
import type { LibrechatChatRecord } from '../models/librechat-chat.ts';
import { bundleRecords, type ChatRecords } from './chat-records.ts';
import { packResult, unpackJob, type ChatJob, type ChatJobResult } from './chat-jobs.ts';

// Runs in a thread of its own: makes the records of each job that comes in, in order. A job that fails is answered with null:
// whoever sent it does it again, and meets the error there.
const noKey = { key: Buffer.alloc(0), bytes: 0 };

parentPort?.on('message', (job: ChatJob) => {
  try {
    const result = done(job);
    parentPort?.postMessage(result, [result.bytes.buffer, result.lengths.buffer, ...result.free]);
  } catch {
    parentPort?.postMessage(null);
  }
});
parentPort?.postMessage('ready');

function done(job: ChatJob): ChatJobResult {
  const made: ChatRecords<LibrechatChatRecord>[] = [];
  for (const group of unpackJob(job)) made.push(bundleRecords({ ...group, ...noKey }, job.choice, bundleLinePieces));
  return packResult(made, job);
}
