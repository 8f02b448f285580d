import { z } from 'zod';

import { defineSink } from '../component.ts';
import { commitEvery, compress, level } from '../files/file-sink-options.ts';
import { jsonLinesLayout } from '../files/json-layout.ts';
import { textFileSink } from '../files/text-file-sink.ts';
import type { Sink } from '../stage.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('File to write: UTF-8, one JSON value a line. Its folders are made. `-` is the standard output.')
    .meta({ examples: ['./out/conversations.jsonl', '-'] }),
  ifExists: z
    .enum(['append', 'replace', 'error'])
    .default('error')
    .describe('What to do when the file holds data: add to it, write it anew, or refuse.'),
  compress,
  level,
  commitEvery,
});
export type JsonlSinkOptions = z.input<typeof options>;

/**
 * Writes records as JSON lines.
 *
 * A record that no stage has changed is written as it was read, byte for byte; any other as `JSON.stringify` gives it, and
 * one that has no JSON form (undefined, a bigint, a cycle) is rejected. The file is written under its final name, with the
 * progress in `<path>.etl/` beside it: a run killed anywhere and repeated leaves the same bytes as an unbroken one. With
 * `compress: gzip` it is a gzip file of many members, which every gzip reader takes.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when the file holds data and `ifExists` is `error`; `ETL_SINK_CHANGED` when it is
 *   shorter than this run left it; `ETL_SINK_FAILED` when it cannot be written, with what is committed.
 */
export function jsonlSink(input: JsonlSinkOptions): Sink<unknown> {
  return textFileSink('jsonl', options.parse(input), jsonLinesLayout);
}

export const jsonlSinkComponent = defineSink({
  type: 'jsonl',
  summary: 'JSON lines: one record a line, plain or gzip',
  details:
    'Written under the final name, with the progress in `<path>.etl/` beside it. The file is brought to the disk before each ' +
    'commit; the same command after a kill, a full disk or a power cut goes on from the last commit and leaves the same bytes ' +
    'as an unbroken run. `path: -` writes to the standard output, keeps no progress and ends quietly when the reader goes away.',
  accepts: 'any',
  options,
  examples: [
    'type: jsonl\npath: ./out/conversations.jsonl',
    'type: jsonl\npath: ./out/messages.jsonl.gz\ncompress: gzip\nifExists: replace',
  ],
  create: jsonlSink,
});
