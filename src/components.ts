import type { Component } from './component.ts';
import { bsonDumpSinkComponent } from './sinks/bson-dump.ts';
import { bundleSinkComponent } from './sinks/bundle.ts';
import { discardSinkComponent } from './sinks/discard.ts';
import { jsonArraySinkComponent } from './sinks/json-array.ts';
import { jsonlSinkComponent } from './sinks/jsonl.ts';
import { langgraphSinkComponent } from './sinks/langgraph.ts';
import { onyxSinkComponent } from './sinks/onyx.ts';
import { postgresSinkComponent } from './sinks/postgres.ts';
import { stdoutSinkComponent } from './sinks/stdout.ts';
import { threadsBackupSinkComponent } from './sinks/threads-backup.ts';
import { bsonDumpSourceComponent } from './sources/bson-dump.ts';
import { bundleSourceComponent } from './sources/bundle.ts';
import { extendedJsonSourceComponent } from './sources/extended-json.ts';
import { jsonArraySourceComponent } from './sources/json-array.ts';
import { jsonlSourceComponent } from './sources/jsonl.ts';
import { langgraphSourceComponent } from './sources/langgraph.ts';
import { librechatSourceComponent } from './sources/librechat.ts';
import { mongodbSourceComponent } from './sources/mongodb.ts';
import { postgresSourceComponent } from './sources/postgres.ts';
import { threadsBackupSourceComponent } from './sources/threads-backup.ts';
import { conversationsToThreadsComponent } from './transforms/conversations-to-threads.ts';
import { dedupeComponent } from './transforms/dedupe.ts';
import { detectBranchesComponent } from './transforms/detect-branches.ts';
import { filterComponent } from './transforms/filter.ts';
import { groupByComponent } from './transforms/group-by.ts';
import { hashFilesComponent } from './transforms/hash-files.ts';
import { langgraphRawComponent } from './transforms/langgraph-raw.ts';
import { librechatConversationsComponent } from './transforms/librechat-conversations.ts';
import { librechatDocumentsComponent } from './transforms/librechat-documents.ts';
import { limitComponent } from './transforms/limit.ts';
import { linearizeComponent } from './transforms/linearize.ts';
import { mapComponent } from './transforms/map.ts';
import { mergeTurnsComponent } from './transforms/merge-turns.ts';
import { rebatchComponent } from './transforms/rebatch.ts';
import { redactComponent } from './transforms/redact.ts';
import { tapComponent } from './transforms/tap.ts';
import { threadRowsComponent } from './transforms/thread-rows.ts';
import { threadsToConversationsComponent } from './transforms/threads-to-conversations.ts';

/** Every source, transform and sink that YAML, `etl list`, the docs and the JSON Schema know. A new one is a line here. */
export const components: readonly Component[] = [
  bsonDumpSourceComponent,
  bundleSourceComponent,
  extendedJsonSourceComponent,
  jsonArraySourceComponent,
  jsonlSourceComponent,
  langgraphSourceComponent,
  librechatSourceComponent,
  mongodbSourceComponent,
  postgresSourceComponent,
  threadsBackupSourceComponent,
  conversationsToThreadsComponent,
  dedupeComponent,
  detectBranchesComponent,
  filterComponent,
  groupByComponent,
  hashFilesComponent,
  langgraphRawComponent,
  librechatConversationsComponent,
  librechatDocumentsComponent,
  limitComponent,
  linearizeComponent,
  mapComponent,
  mergeTurnsComponent,
  rebatchComponent,
  redactComponent,
  tapComponent,
  threadRowsComponent,
  threadsToConversationsComponent,
  bsonDumpSinkComponent,
  bundleSinkComponent,
  discardSinkComponent,
  jsonArraySinkComponent,
  jsonlSinkComponent,
  langgraphSinkComponent,
  onyxSinkComponent,
  postgresSinkComponent,
  stdoutSinkComponent,
  threadsBackupSinkComponent,
];
