import { hash } from 'node:crypto';
import { resolve } from 'node:path';

import type { ThreadRecord } from '../models/langgraph.ts';
import { pipeline, type Pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../sinks/langgraph.ts';
import { langgraphSource, type LanggraphSourceOptions } from '../sources/langgraph.ts';
import { langgraphRaw } from '../transforms/langgraph-raw.ts';
import { placeName } from './langgraph-export.ts';
import { threadsBackupBeside, type BackupBeside } from './threads-backup-beside.ts';

/**
 * The pipeline that moves threads from one server to another, and compares each on the way.
 *
 * Each source has a run of its own, and so has each backup that is written beside. Where the companion graph is deployed on the
 * source too, what the API does not tell comes along by it, into the backup as well.
 */
export function langgraphMigrate(
  source: LanggraphSourceOptions,
  sink: LanggraphSinkOptions,
  backup?: Omit<BackupBeside, 'source'>,
): PipelinePlan {
  const from = placeName(source).replace(/^https?:\/\//, '');
  const beside = backup === undefined ? '' : `-backup-${hash('sha256', resolve(backup.path)).slice(0, 8)}`;
  const threads = pipeline(langgraphSource(source), { name: `langgraph-migrate-${from}${beside}` });
  const { apiUrl, apiKey, headers } = source;
  const { mode = 'auto', companion } = sink;
  const kept = <T extends ThreadRecord>(found: Pipeline<T>): Pipeline<T> =>
    backup === undefined ? found : found.through(threadsBackupBeside<T>({ ...backup, source: placeName(source) }));
  if (mode === 'state' || mode === 'history') return kept(threads).to(langgraphSink(sink)).plan;
  const server = { apiUrl, ...(apiKey === undefined ? {} : { apiKey }), ...(headers === undefined ? {} : { headers }) };
  const named = companion === undefined ? {} : { companion };
  const withRaw = threads.through(langgraphRaw({ ...server, ...named, isRequired: false }));
  return kept(withRaw).to(langgraphSink(sink)).plan;
}
