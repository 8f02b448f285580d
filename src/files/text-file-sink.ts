import type { Json } from '../json.ts';
import type { Sink } from '../stage.ts';
import type { FileLayout } from './file-layout.ts';
import { gzipLevelOf } from './file-sink-options.ts';
import { isGone } from './is-gone.ts';
import { writeRecordFile } from './record-file.ts';
import { writeRecordStream } from './record-stream.ts';
import { checkNewTarget } from './target-file.ts';
import { targetLedger } from './target-ledger.ts';

/** What a sink into one text file needs to know; the names are those of its options. */
export interface TextFileSinkOptions {
  readonly path: string;
  readonly ifExists: 'append' | 'replace' | 'error';
  readonly compress: 'none' | 'gzip';
  readonly level: number;
  readonly commitEvery: number;
}

/**
 * A sink that writes records into one file, or to the standard output when its path is `-`, laid out as `layout` says.
 * `config`: the options of its own that decide the output.
 */
export function textFileSink(
  name: string,
  { path, ifExists, ...writing }: TextFileSinkOptions,
  layout: FileLayout<unknown>,
  own: { readonly [option: string]: Json } = {},
): Sink<unknown> {
  const { commitEvery } = writing;
  const gzipLevel = gzipLevelOf(writing.compress, writing.level);
  // What decides the bytes: the rhythm of commits does so for a compressed file only.
  const config = { path, ...own, ...(gzipLevel === undefined ? {} : writing) };
  if (path === '-') {
    return {
      role: 'sink',
      name,
      config,
      writesText: true,
      write: (batches, ctx) => writeRecordStream(batches, ctx, { layout, gzipLevel }),
    };
  }
  return {
    role: 'sink',
    name,
    config: { ...config, ifExists },
    writesText: true,
    ifExists,
    ledger: () => targetLedger(path),
    checkNew: () => checkNewTarget(path, ifExists),
    isGone: () => isGone(path),
    write: (batches, ctx) => writeRecordFile(batches, ctx, { path, ifExists, commitEvery, gzipLevel }, layout),
  };
}
