import { hash } from 'node:crypto';
import { basename, resolve } from 'node:path';

import type { Conversation } from '../models/conversation.ts';
import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import type { RejectPolicy } from '../rejects.ts';
import { onyxSink, type OnyxSinkOptions } from '../sinks/onyx.ts';
import { bundleSource, type BundleSourceOptions } from '../sources/bundle.ts';
import { limit } from '../transforms/limit.ts';

/** What to import, and how: the options of the `bundle` source and the `onyx` sink under their own names. */
export interface OnyxImportOptions {
  readonly source?: Pick<BundleSourceOptions, 'userEmail'>;
  readonly sink: OnyxSinkOptions;
  /** Only the first so many conversations. */
  readonly maxConversations?: number | undefined;
  readonly onReject?: RejectPolicy | undefined;
}

/** The pipeline that brings the bundle at `path` into Onyx. Each bundle has a run of its own in Onyx's database. */
export function onyxImport(path: string, options: OnyxImportOptions): PipelinePlan {
  const { source = {}, sink, maxConversations, onReject } = options;
  const folder = resolve(path);
  const name = `onyx-import-${basename(folder)}-${hash('sha256', folder).slice(0, 8)}`;
  const chats = pipeline<Conversation>(bundleSource({ ...source, path, records: 'conversations' }), { name, onReject });
  const some = maxConversations === undefined ? chats : chats.through(limit({ records: maxConversations }));
  return some.to(onyxSink(sink)).plan;
}
