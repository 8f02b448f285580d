import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError, type Batch, type Source } from '../src/index.ts';

/** Reads the `.json` files of a folder, one record a file, in the order of their names. */
export function folderSource({ path, batchSize = 100 }: { path: string; batchSize?: number }): Source<unknown> {
  return {
    role: 'source',
    name: 'folder',
    // What decides the records: a run goes on only when this is as it was.
    config: { path },
    async *read(ctx) {
      const { cursor, signal } = ctx;
      const names = await filesIn(path);
      let files: ReadFile[] = [];
      for (const name of names.filter((name) => cursor === undefined || name > String(cursor))) {
        const text = await readFile(join(path, name), { encoding: 'utf8', signal });
        try {
          files.push({ name, bytes: text.length, record: JSON.parse(text) });
        } catch (cause) {
          // What was good before it goes first: the reject may end the run, if that is what `onReject` says.
          if (files.length > 0) yield batchOf(files);
          files = [];
          ctx.reject(text, new EtlError('ETL_RECORD_INVALID', 'not JSON', { cause }), { at: name });
        }
        if (files.length < batchSize) continue;
        yield batchOf(files);
        files = [];
      }
      if (files.length > 0) yield batchOf(files);
    },
    async estimate() {
      return { records: (await filesIn(path)).length, plan: 'file by file, in the order of names' };
    },
  };
}

interface ReadFile {
  readonly name: string;
  readonly bytes: number;
  readonly record: unknown;
}

function batchOf(files: readonly ReadFile[]): Batch<unknown> {
  return {
    records: files.map(({ record }) => record),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    // Where to go on after this batch: behind its last file.
    cursor: files.at(-1)?.name,
    at: (index) => files[index]?.name ?? '',
  };
}

async function filesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => name.endsWith('.json')).sort();
  } catch (error) {
    throw new EtlError('ETL_SOURCE_NOT_FOUND', 'cannot list the folder', { where: { file: path }, cause: error });
  }
}
