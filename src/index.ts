// The public surface of the library. What is not named here may change without notice.

export { pipeline, type Pipeline, type PipelineOptions, type RunnablePipeline } from './pipeline.ts';
export { type LiveRun, type RunOptions } from './run-options.ts';
export { type PipelinePlan } from './plan.ts';
export { runPipeline } from './run.ts';
export { reportOf, type RunReport, type StageReport } from './report.ts';
export { type Reject, type RejectPolicy, type RejectReason } from './rejects.ts';
export { EtlError, errorCodes, type ErrorCode, type ErrorPlace } from './errors.ts';
export { type Json } from './json.ts';

// Stages: what they are made of, and how to write one.
export {
  type Batch,
  type Commit,
  type Counts,
  type Estimate,
  type Ledger,
  type Progress,
  type RecordOrigin,
  type RunIdentity,
  type Sink,
  type Source,
  type StageContext,
  type Tally,
  type Transform,
} from './stage.ts';
export { joinBatches, jsonBatch, pickRecords, recordCount, sliceRecords, whenDone, withCursor } from './batch.ts';
export { encodeJsonRecords, type JsonRecords } from './formats/json-records.ts';
export { mapBatch } from './map-batch.ts';
export { bytesRead } from './position.ts';
export { retry, type RetryOptions } from './retry.ts';
export { fileLedger, ledgerDirectory } from './ledger/file.ts';
export {
  fromIterable,
  fromReadable,
  syncTransform,
  throughDuplex,
  throughRecords,
  toFunction,
  toWritable,
  type RecordFunction,
  type SinkLike,
  type SourceLike,
} from './streams.ts';

// Components: stages that YAML knows.
export {
  defineSink,
  defineSource,
  defineTransform,
  type Component,
  type RecordKind,
  type SinkComponent,
  type SourceComponent,
  type TransformComponent,
} from './component.ts';
export { components } from './components.ts';
export {
  checkPipeline,
  loadPipeline,
  type ConfiguredPipeline,
  type ConfiguredStage,
  type LoadOptions,
} from './config/load-pipeline.ts';

// Sources.
export { bsonDumpSource, type BsonDumpSourceOptions } from './sources/bson-dump.ts';
export { bundleSource, type BundleSourceOptions } from './sources/bundle.ts';
export { extendedJsonSource, type ExtendedJsonSourceOptions } from './sources/extended-json.ts';
export { jsonArraySource, type JsonArraySourceOptions } from './sources/json-array.ts';
export { jsonlSource, type JsonlSourceOptions } from './sources/jsonl.ts';
export { langgraphSource, type LanggraphSourceOptions } from './sources/langgraph.ts';
export { librechatSource, type LibrechatSourceOptions } from './sources/librechat.ts';
export { mongodbSource, type MongodbSourceOptions } from './sources/mongodb.ts';
export { postgresSource, type PostgresSourceOptions } from './sources/postgres.ts';
export { threadsBackupSource, type ThreadsBackupSourceOptions } from './sources/threads-backup.ts';

// Transforms.
export { conversationsToThreads, type ConversationsToThreadsOptions } from './transforms/conversations-to-threads.ts';
export { dedupe, type DedupeOptions } from './transforms/dedupe.ts';
export { detectBranches, type DetectBranchesOptions } from './transforms/detect-branches.ts';
export { filterInWorkers, type FilterInWorkersOptions } from './transforms/filter-in-workers.ts';
export { filter, type FilterOptions } from './transforms/filter.ts';
export { groupBy, type GroupByOptions, type GroupRecord } from './transforms/group-by.ts';
export { hashFiles, type HashFilesOptions, type StoredFile } from './transforms/hash-files.ts';
export {
  librechatConversations,
  type DocumentGroup,
  type LibrechatConversationsOptions,
} from './transforms/librechat-conversations.ts';
export { librechatDocuments, type LibrechatDocumentsOptions } from './transforms/librechat-documents.ts';
export { langgraphRaw, type LanggraphRawOptions } from './transforms/langgraph-raw.ts';
export { limit, type LimitOptions } from './transforms/limit.ts';
export { linearize, type LinearizeOptions } from './transforms/linearize.ts';
export { map, type MapOptions } from './transforms/map.ts';
export { mapInWorkers, type MapInWorkersOptions } from './transforms/map-in-workers.ts';
export { mapConcurrent, type MapConcurrentOptions } from './transforms/map-concurrent.ts';
export { mergeTurns, type MergeTurnsOptions } from './transforms/merge-turns.ts';
export { rebatch, type RebatchOptions } from './transforms/rebatch.ts';
export { redact, type RedactOptions } from './transforms/redact.ts';
export { tap, type TapFunction, type TapOptions } from './transforms/tap.ts';
export { threadRows, type ThreadRowsOptions } from './transforms/thread-rows.ts';
export { threadsToConversations, type ThreadsToConversationsOptions } from './transforms/threads-to-conversations.ts';

// Sinks.
export { bsonDumpSink, type BsonDumpSinkOptions } from './sinks/bson-dump.ts';
export { bundleSink, type BundleSinkOptions } from './sinks/bundle.ts';
export { discardSink } from './sinks/discard.ts';
export { jsonArraySink, type JsonArraySinkOptions } from './sinks/json-array.ts';
export { jsonlSink, type JsonlSinkOptions } from './sinks/jsonl.ts';
export { langgraphSink, type LanggraphSinkOptions } from './sinks/langgraph.ts';
export { onyxSink, type OnyxSinkOptions } from './sinks/onyx.ts';
export { postgresSink, type PostgresSinkOptions } from './sinks/postgres.ts';
export { stdoutSink } from './sinks/stdout.ts';
export { threadsBackupSink, type ThreadsBackupSinkOptions } from './sinks/threads-backup.ts';

// What was imported into Onyx: compare it, mend it, take it back.
export {
  verifyOnyx,
  type OnyxDifference,
  type OnyxDifferenceKind,
  type OnyxVerifyOptions,
  type OnyxVerifyReport,
} from './jobs/onyx-verify.ts';
export { repairOnyx, type OnyxRepairKind, type OnyxRepairOptions, type OnyxRepairReport } from './jobs/onyx-repair.ts';
export { onyxRuns, undoOnyx, type OnyxRun, type OnyxUndoOptions, type OnyxUndoReport } from './jobs/onyx-undo.ts';
// Accounts in Onyx.
export { apiAccounts, databaseAccounts, type AccountResult, type OnyxAccounts } from './jobs/onyx-accounts.ts';
export {
  onyxCreateUsers,
  type CreateUsersOptions,
  type CreateUsersReport,
  type UserOutcome,
} from './jobs/onyx-create-users.ts';
export { usersOfBundles, usersOfLibrechat, type NewUser, type NewUsers } from './jobs/onyx-new-users.ts';

// The conversation record.
export {
  asConversation,
  CONVERSATION_SCHEMA,
  isConversation,
  type Conversation,
  type Message,
} from './models/conversation.ts';
export { conversationSchema } from './models/conversation-schema.ts';
export { type Part } from './models/conversation-parts.ts';

// The LangGraph thread record.
export {
  asThreadRecord,
  isThreadRecord,
  joinThreadParts,
  THREAD_SCHEMA,
  type HistoryEntry,
  type ThreadRecord,
} from './models/langgraph.ts';
