import type { Json } from '../json.ts';
import type { Source } from '../stage.ts';
import { checkInputs, inputEstimate } from './input-estimate.ts';
import { readRecords, type RecordFormat } from './read-records.ts';
import { unreadInput } from './unread-input.ts';

/** A file, several, or a pattern; or how they are found, each time anew. */
export type RecordFiles = string | readonly string[] | (() => Promise<string>);

/** What sources from files share. */
export interface RecordFileSourceOptions {
  readonly name: string;
  /** What decides the records. */
  readonly config: Json;
  readonly files: RecordFiles;
  readonly format: RecordFormat;
}

/**
 * The source that reads the records of files in one format, one file after the other. The cursor is a byte offset in one of
 * them. `T` is what the caller says the records are; it is not checked.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID`, `ETL_SOURCE_TRUNCATED`, `ETL_SOURCE_CHANGED` (other files
 *   than the run was started with), `ETL_SOURCE_FAILED`, while it is read.
 */
export function recordFileSource<T>({ name, config, files, format }: RecordFileSourceOptions): Source<T> {
  const found = async (): Promise<string | readonly string[]> => (typeof files === 'function' ? files() : files);
  const source: Source<unknown> = {
    role: 'source',
    name,
    config,
    async *read(ctx) {
      yield* readRecords(await found(), format, ctx);
    },
    unread: async (end, signal) => unreadInput(await found(), format, end, signal),
    estimate: async () => inputEstimate(await found()),
    check: async () => checkInputs(await found()),
  };
  // What the records are is the caller's knowledge, as with JSON.parse.
  return source as Source<T>;
}
