import { jsonBatch } from '../batch.ts';
import { EtlError } from '../errors.ts';
import { FormatError } from '../formats/format-error.ts';
import { sliceJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import type { Batch, StageContext } from '../stage.ts';
import { InputFile } from './input-file.ts';
import { inputPaths } from './input-paths.ts';

/** A place between two records: a byte offset, and the number of the record that comes next (a line, an element, a document). */
export interface RecordPlace {
  readonly offset: number;
  readonly number: number;
}

/** A value that is no record. */
export interface BadRecord extends RecordPlace {
  /** How many records of the chunk come before it. */
  readonly index: number;
  readonly reason: string;
  /** It, or as much of it as is worth showing. */
  readonly record: unknown;
  readonly isTooLarge?: boolean | undefined;
}

/** What a format's reader gives at a time. */
export interface RecordChunk {
  readonly json: JsonRecords;
  readonly bad: readonly BadRecord[];
  /** Number of record i. */
  readonly numberAt: (index: number) => number;
  /** Byte offset of record i. */
  readonly offsetAt: (index: number) => number;
  /** Where reading goes on. */
  readonly end: RecordPlace;
  /** Bytes before a record, but the first, at which reading can begin too: 1 for the comma of an array. Default 0. */
  readonly separatorBytes?: number | undefined;
  /** To be called when nobody looks at the records any more. Absent: their memory is not used again. */
  readonly takeBack?: (() => void) | undefined;
}

/** What a format needs of the run. */
export type ReadingContext = Pick<StageContext, 'signal' | 'warn'>;

/** How the bytes of a file become records. */
export interface RecordFormat {
  /** Number of the first record: 1 for lines, 0 for elements. */
  readonly first: number;
  /** Where record `number` is, for people. */
  readonly label: (path: string, number: number) => string;
  readonly read: (
    input: InputFile,
    bytes: AsyncIterable<Uint8Array>,
    start: RecordPlace,
    ctx: ReadingContext,
  ) => AsyncIterable<RecordChunk>;
}

/** Where reading several files stands. */
export interface FilesCursor extends RecordPlace {
  readonly file: string;
  /** Place of the file among all. */
  readonly index: number;
  readonly fingerprint: string;
}

/**
 * Reads the records of one or several files, one after the other, from where the run stands.
 *
 * What is no record is rejected. When a reject ends the run, the good records before it come out first. Files that cannot
 * be read again (the standard input, a pipe) have no cursor.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID`, `ETL_SOURCE_TRUNCATED`, `ETL_SOURCE_CHANGED`,
 *   `ETL_SOURCE_FAILED`; `ETL_RECORD_REJECTED` under the pipeline's policy.
 */
export async function* readRecords(
  given: string | readonly string[],
  format: RecordFormat,
  ctx: StageContext,
): AsyncGenerator<Batch<unknown>> {
  const paths = await inputPaths(given);
  // What comes back is what we gave with a batch.
  const from = ctx.cursor as unknown as FilesCursor | undefined;
  if (from !== undefined) checkFile(paths, from);
  for (const [index, path] of paths.entries()) {
    if (index < (from?.index ?? 0)) continue;
    const input = await InputFile.open(path);
    try {
      yield* readFile(input, { index, start: index === from?.index ? from : undefined }, format, ctx);
    } catch (error) {
      throw input.failure(error);
    } finally {
      await input.close();
    }
  }
}

/**
 * Holds that the file a run had got to still has its place among the files.
 *
 * @throws {EtlError} `ETL_SOURCE_CHANGED`.
 */
export function checkFile(paths: readonly string[], { file, index }: FilesCursor): void {
  const found = paths[index];
  if (found === file) return;
  const what = `the run had got to ${file}, file ${index + 1}, but that is ${found ?? 'missing'} now`;
  throw new EtlError('ETL_SOURCE_CHANGED', what, { where: { file } });
}

async function* readFile(
  input: InputFile,
  { index, start }: { readonly index: number; readonly start: FilesCursor | undefined },
  format: RecordFormat,
  ctx: StageContext,
): AsyncGenerator<Batch<unknown>> {
  const { path } = input;
  const cursorAt = async ({ offset, number }: RecordPlace): Promise<Json | undefined> => {
    const fingerprint = await input.fingerprint(offset);
    return fingerprint === undefined
      ? undefined
      : ({ file: path, index, offset, number, fingerprint } satisfies FilesCursor);
  };
  let last: RecordPlace = start ?? { offset: 0, number: format.first };
  for await (const chunk of chunksUntilCut(input, format.read(input, input.read(start, ctx.signal), last, ctx))) {
    const { json, bad, numberAt, end, takeBack } = chunk;
    const bytes = end.offset - last.offset;
    const at = (record: number): string => format.label(path, numberAt(record));
    const stop = rejectAll(bad, input, format, ctx);
    if (stop !== undefined) {
      const { index: records, number } = stop.at;
      const offset = number === format.first ? 0 : stop.at.offset - (chunk.separatorBytes ?? 0);
      const before = { bytes: offset - last.offset, cursor: await cursorAt({ offset, number }), at };
      yield jsonBatch(sliceJsonRecords(json, 0, records), before);
      throw stop.error;
    }
    yield jsonBatch(json, { bytes, cursor: await cursorAt(end), at, takeBack });
    last = end;
  }
}

/** The chunks; compressed data that ended early is told after them, and not as what the format makes of it. */
async function* chunksUntilCut(input: InputFile, chunks: AsyncIterable<RecordChunk>): AsyncGenerator<RecordChunk> {
  try {
    yield* chunks;
  } catch (error) {
    throw error instanceof FormatError ? (input.cut ?? error) : error;
  }
  if (input.cut !== undefined) throw input.cut;
}

/** Rejects what is no record; gives the first one that the run stops at. */
function rejectAll(
  bad: readonly BadRecord[],
  { path }: InputFile,
  format: RecordFormat,
  ctx: StageContext,
): { readonly at: BadRecord; readonly error: unknown } | undefined {
  for (const at of bad) {
    const { record, reason, offset, number, isTooLarge } = at;
    try {
      const cause = new EtlError(isTooLarge === true ? 'ETL_RECORD_TOO_LARGE' : 'ETL_RECORD_INVALID', reason, {
        where: { file: path, offset },
      });
      ctx.reject(record, cause, { at: `${format.label(path, number)}, byte ${offset}` });
    } catch (error) {
      return { at, error };
    }
  }
  return undefined;
}
