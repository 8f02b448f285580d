import { z } from 'zod';

import { defineSource } from '../component.ts';
import { batchBytes, batchSize, configOf, inputPath, maxLineBytes } from '../files/file-source-options.ts';
import { jsonLinesFormat } from '../files/json-formats.ts';
import type { RecordFormat } from '../files/read-records.ts';
import { recordFileSource } from '../files/record-file-source.ts';
import type { Source } from '../stage.ts';

const options = z.strictObject({
  path: inputPath.describe(
    'File to read: UTF-8, one JSON value a line, gzip or zstd recognised by its first bytes. Or several files, or a pattern; `-` is the standard input.',
  ),
  batchSize,
  batchBytes,
  maxLineBytes,
});
export type JsonlSourceOptions = z.input<typeof options>;

/**
 * Reads JSON lines, plain or compressed, from one file or several.
 *
 * Each line that is not blank is one record; the text is checked and passed on without making objects, unless a stage asks
 * for them. A line that is not JSON in UTF-8, or longer than `maxLineBytes`, is rejected and reading goes on. The cursor is
 * a byte offset: a resumed run reads on from there (a compressed file is decompressed up to it). A file may grow meanwhile.
 * `T` is what the caller says the records are; it is not checked.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID` (a folder), `ETL_SOURCE_TRUNCATED` (compressed data that
 *   ends early), `ETL_SOURCE_CHANGED` (another file than the run was started with), `ETL_SOURCE_FAILED`.
 */
export function jsonlSource<T = unknown>(input: JsonlSourceOptions): Source<T> {
  const given = options.parse(input);
  const format = tellingEmpty(jsonLinesFormat(given));
  return recordFileSource({ name: 'jsonl', config: configOf(given), files: given.path, format });
}

/** A file without a byte is worth a warning. */
function tellingEmpty(format: RecordFormat): RecordFormat {
  return {
    ...format,
    read(input, bytes, start, ctx) {
      if (input.size === 0) ctx.warn(`${input.path} is empty: it is read as no records`);
      return format.read(input, bytes, start, ctx);
    },
  };
}

export const jsonlSourceComponent = defineSource({
  type: 'jsonl',
  summary: 'JSON lines: one record a line, plain, gzip or zstd',
  details:
    'Reads one file, several, or the standard input (`path: -`, which cannot be resumed). Compression is recognised by the first bytes. ' +
    'Lines are checked and passed on as they are; what is not JSON in UTF-8 is rejected with its line and byte offset. ' +
    'Memory stays flat whatever the size: a line over `maxLineBytes` is passed over without being held.',
  gives: 'any',
  options,
  examples: [
    'type: jsonl\npath: ./bundle/conversations.jsonl',
    'type: jsonl\npath: [./2024/*.jsonl.gz, ./2025/*.jsonl.gz]',
    'type: jsonl\npath: "-"',
  ],
  create: jsonlSource,
});
