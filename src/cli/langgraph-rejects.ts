import { hash } from 'node:crypto';
import { join } from 'node:path';

import type { PipelinePlan } from '../plan.ts';

/** Flags that say what becomes of threads that cannot be brought over. */
interface RejectFlags {
  readonly rejects?: string;
  readonly maxRejects?: number;
}

/** The reject file of a run, unless another is named: no two runs share one, or going on with one would cut the other's. */
export function threadRejects(pipeline: string, place: string): string {
  const whole = `${pipeline}-${place.replace(/^https?:\/\//, '')}`;
  const name = whole.replaceAll(/[^A-Za-z0-9._-]+/g, '_');
  const short = name.length <= 100 ? name : `${name.slice(0, 100)}-${hash('sha256', whole).slice(0, 8)}`;
  return join('.etl', `${short}.rejects.jsonl`);
}

/** A pipeline that goes on when a thread cannot be brought over, and keeps it in `file` or where the flags say. */
export function withRejects(plan: PipelinePlan, { rejects, maxRejects }: RejectFlags, file: string): PipelinePlan {
  return { ...plan, onReject: { to: rejects ?? file, ...(maxRejects === undefined ? {} : { max: maxRejects }) } };
}
