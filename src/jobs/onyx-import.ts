import { hash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';

import type { Conversation } from '../models/conversation.ts';
import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import type { RejectPolicy } from '../rejects.ts';
import { onyxSink, type OnyxSinkOptions } from '../sinks/onyx.ts';
import { bundleSource, type BundleSourceOptions } from '../sources/bundle.ts';
import type { Transform } from '../stage.ts';
import { limit } from '../transforms/limit.ts';
import { map } from '../transforms/map.ts';

/** What to import, and how: the options of the `bundle` source and the `onyx` sink under their own names. */
export interface OnyxImportOptions {
  readonly source?: Pick<BundleSourceOptions, 'userEmail'> | undefined;
  readonly sink: OnyxSinkOptions;
  /** Whose account all of the chats go to, instead of their owners'. For the bundle of one person; see `ownersOf`. */
  readonly owner?: string | undefined;
  /** Only the first so many conversations. */
  readonly maxConversations?: number | undefined;
  readonly onReject?: RejectPolicy | undefined;
}

/** The pipeline that brings the bundle at `path` into Onyx. Each bundle has a run of its own in Onyx's database. */
export function onyxImport(path: string, options: OnyxImportOptions): PipelinePlan {
  const { source = {}, sink, owner, maxConversations, onReject } = options;
  let chats = pipeline<Conversation>(bundleSource({ ...source, path, records: 'conversations' }), {
    name: runName(path),
    onReject,
  });
  if (maxConversations !== undefined) chats = chats.through(limit({ records: maxConversations }));
  // By an expression and not by a function: it is part of what makes a repeated command the same run.
  if (owner !== undefined) chats = chats.through(ownedBy(owner));
  return chats.to(onyxSink(sink)).plan;
}

/** By an expression and not by a function, so that it is a part of what makes a repeated command the same run. */
function ownedBy(email: string): Transform<Conversation, Conversation> {
  const to = `$merge([$, {"owner": $merge([owner, {"email": ${JSON.stringify(email)}}])}])`;
  // An expression's value can be anything; this one's is the record with another owner.
  return map({ to }) as Transform<Conversation, Conversation>;
}

/** Where conversations go that Onyx's database refuses, unless somewhere else is named. */
export function importRejects(path: string): string {
  return join('.etl', `${runName(path)}.rejects.jsonl`);
}

function runName(path: string): string {
  const folder = resolve(path);
  const name = basename(folder).replaceAll(/[^\w.@-]+/g, '_');
  return `onyx-import-${name}-${hash('sha256', folder).slice(0, 8)}`;
}
