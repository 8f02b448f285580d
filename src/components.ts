import type { Component } from './component.ts';
import { bsonDumpSinkComponent } from './sinks/bson-dump.ts';
import { discardSinkComponent } from './sinks/discard.ts';
import { jsonArraySinkComponent } from './sinks/json-array.ts';
import { jsonlSinkComponent } from './sinks/jsonl.ts';
import { stdoutSinkComponent } from './sinks/stdout.ts';
import { bsonDumpSourceComponent } from './sources/bson-dump.ts';
import { extendedJsonSourceComponent } from './sources/extended-json.ts';
import { jsonArraySourceComponent } from './sources/json-array.ts';
import { jsonlSourceComponent } from './sources/jsonl.ts';
import { librechatDumpSourceComponent } from './sources/librechat-dump.ts';
import { dedupeComponent } from './transforms/dedupe.ts';
import { detectBranchesComponent } from './transforms/detect-branches.ts';
import { filterComponent } from './transforms/filter.ts';
import { librechatConversationsComponent } from './transforms/librechat-conversations.ts';
import { limitComponent } from './transforms/limit.ts';
import { linearizeComponent } from './transforms/linearize.ts';
import { mapComponent } from './transforms/map.ts';
import { rebatchComponent } from './transforms/rebatch.ts';
import { redactComponent } from './transforms/redact.ts';
import { tapComponent } from './transforms/tap.ts';

/** Every source, transform and sink that YAML, `etl list`, the docs and the JSON Schema know. A new one is a line here. */
export const components: readonly Component[] = [
  bsonDumpSourceComponent,
  extendedJsonSourceComponent,
  jsonArraySourceComponent,
  jsonlSourceComponent,
  librechatDumpSourceComponent,
  dedupeComponent,
  detectBranchesComponent,
  filterComponent,
  librechatConversationsComponent,
  limitComponent,
  linearizeComponent,
  mapComponent,
  rebatchComponent,
  redactComponent,
  tapComponent,
  bsonDumpSinkComponent,
  discardSinkComponent,
  jsonArraySinkComponent,
  jsonlSinkComponent,
  stdoutSinkComponent,
];
