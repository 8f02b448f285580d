import type { Json } from '../json.ts';
import { InputFile } from './input-file.ts';
import { inputPaths } from './input-paths.ts';
import { checkFile, type FilesCursor, type RecordChunk, type RecordFormat } from './read-records.ts';

/**
 * What the files hold beyond what a finished run has read, in words; `end` is the cursor it ended with. Nothing when there is no
 * more.
 *
 * Looks at the last file read from where reading ended, and at files that have come after it, no further than their first
 * records. A compressed file is only looked at for how it begins.
 *
 * @throws {EtlError} `ETL_SOURCE_CHANGED` when it is not the files that were read; others as `readRecords`.
 */
export async function unreadInput(
  given: string | readonly string[],
  format: RecordFormat,
  end: Json,
  signal: AbortSignal,
): Promise<string | undefined> {
  // What comes back is what the source gave with its last batch.
  const from = end as unknown as FilesCursor;
  const paths = await inputPaths(given);
  checkFile(paths, from);
  for (const [index, path] of paths.entries()) {
    if (index < from.index) continue;
    const more = await unreadOf(path, index === from.index ? from : undefined, format, signal);
    if (more !== undefined) return more;
  }
  return undefined;
}

async function unreadOf(
  path: string,
  start: FilesCursor | undefined,
  format: RecordFormat,
  signal: AbortSignal,
): Promise<string | undefined> {
  const input = await InputFile.open(path);
  try {
    if (!input.canResume || input.size === undefined) return undefined;
    if (start !== undefined && (await input.isCompressed())) {
      await input.checkUnchanged(start);
      return undefined;
    }
    const place = start ?? { offset: 0, number: format.first };
    const chunks = format.read(input, input.read(start, signal), place, { signal, warn: () => undefined });
    if (!(await holdsRecords(chunks))) return undefined;
    if (start === undefined) return `${path} has come since, and is not read`;
    return `${path} has grown: it has ${input.size} bytes, and ${start.offset} of them are read`;
  } finally {
    await input.close();
  }
}

async function holdsRecords(chunks: AsyncIterable<RecordChunk>): Promise<boolean> {
  for await (const { json, bad, takeBack } of chunks) {
    takeBack?.();
    if (json.count + bad.length > 0) return true;
  }
  return false;
}
