import { join } from 'node:path';

import type { PipelinePlan } from '../plan.ts';
import { shortFileName } from '../short-file-name.ts';

/** Flags that say what becomes of threads that cannot be brought over. */
interface RejectFlags {
  readonly rejects?: string;
  readonly maxRejects?: number;
}

/** The reject file of a run, unless another is named: no two runs share one, or going on with one would cut the other's. */
export function threadRejects(pipeline: string, place: string): string {
  const short = shortFileName(`${pipeline}-${place.replace(/^https?:\/\//, '')}`);
  return join('.etl', `${short}.rejects.jsonl`);
}

/** A pipeline that goes on when a thread cannot be brought over, and keeps it in `file` or where the flags say. */
export function withRejects(plan: PipelinePlan, { rejects, maxRejects }: RejectFlags, file: string): PipelinePlan {
  return { ...plan, onReject: { to: rejects ?? file, ...(maxRejects === undefined ? {} : { max: maxRejects }) } };
}
