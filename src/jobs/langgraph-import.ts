import { hash } from 'node:crypto';
import { basename, resolve } from 'node:path';

import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../sinks/langgraph.ts';
import { threadSource, type ThreadFiles } from './langgraph-export.ts';

/** Where threads go, and how: the options of the `langgraph` sink. */
export type LanggraphTarget = LanggraphSinkOptions;

/** The pipeline that restores the threads of a bundle, or of a `threads_backup.json`, on a server. Each has a run of its own. */
export function langgraphImport(from: string | ThreadFiles, sink: LanggraphTarget): PipelinePlan {
  const place = typeof from === 'string' ? { path: from } : from;
  const folder = resolve(place.path);
  const name = `langgraph-import-${basename(folder)}-${hash('sha256', folder).slice(0, 8)}`;
  return pipeline(threadSource(place), { name }).to(langgraphSink(sink)).plan;
}
