import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import { inputError } from '../files/file-error.ts';
import { collectionsToRead, type Includable, type LibrechatCollection } from './librechat-input.ts';

export interface DumpFile {
  readonly path: string;
  readonly isBson: boolean;
}

/** Where a LibreChat's collections lie. Conversations and messages are there; chats do not need the others. */
export type LibrechatDumpFiles = ReadonlyMap<LibrechatCollection, DumpFile>;

const name = /^([a-z]+)\.(bson|json|jsonl|ndjson)(?:\.gz|\.zst)?$/;

/**
 * Finds a LibreChat's collections in a `mongodump` folder (of the database, or the one above it), in a folder of `mongoexport`
 * files named after their collections, or among the files given.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections that are missing, `ETL_SOURCE_INVALID` when one is there twice.
 */
export async function librechatDumpFiles(
  from: string | readonly string[],
  include: readonly Includable[] = [],
): Promise<LibrechatDumpFiles> {
  const wanted = new Set<string>(collectionsToRead(include));
  const isCollection = (collection: string | undefined): collection is LibrechatCollection =>
    collection !== undefined && wanted.has(collection);
  const found = new Map<LibrechatCollection, DumpFile>();
  const places = typeof from === 'string' ? [from] : from;
  for (const path of (await Promise.all(places.map(candidates))).flat()) {
    const [, collection, ending] = name.exec(basename(path)) ?? [];
    if (!isCollection(collection)) continue;
    const other = found.get(collection);
    if (other !== undefined) {
      throw new EtlError(
        'ETL_SOURCE_INVALID',
        `the collection "${collection}" is there twice: ${other.path} and ${path}`,
        {
          hint: 'Name the folder of one database, or the files themselves.',
        },
      );
    }
    found.set(collection, { path, isBson: ending === 'bson' });
  }
  if (!found.has('conversations') || !found.has('messages')) {
    const missing = (['conversations', 'messages'] as const).filter((collection) => !found.has(collection));
    const there = [...found.keys()].join(', ') || 'none of LibreChat’s collections';
    throw new EtlError('ETL_SOURCE_NOT_FOUND', `no dump of ${missing.join(' and ')} in ${places.join(', ')}`, {
      hint: `There is: ${there}. Expected <collection>.bson of mongodump (by --out, not --archive) or <collection>.json of mongoexport.`,
    });
  }
  return found;
}

/** A file itself; of a folder the files in it and in the folders in it. */
async function candidates(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const found: string[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const below = join(path, entry.name);
      if (!entry.isDirectory()) found.push(below);
      else found.push(...(await readdir(below)).map((file) => join(below, file)));
    }
    return found.sort();
  } catch (error) {
    throw systemCode(error) === undefined ? error : inputError(error, path);
  }
}

/** Bytes in the files, as they lie there. */
export async function dumpBytes(files: LibrechatDumpFiles): Promise<number> {
  const sizes = await Promise.all([...files.values()].map(async ({ path }) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
