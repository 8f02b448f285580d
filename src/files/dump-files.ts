import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import { inputError } from './file-error.ts';

const suffix = /\.bson(\.gz)?$/;

/**
 * The `.bson` file of a collection in a `mongodump` folder: that of the database, or the one above it when only one database
 * in there has the collection. A path that is a file stands for itself; without `collection` the folder must hold one only.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections there are; `ETL_SOURCE_INVALID` when there are several.
 */
export async function dumpFile(path: string, collection: string | undefined): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return path;
    const files = await bsonFiles(path);
    const wanted = collection === undefined ? files : files.filter((file) => collectionOf(file) === collection);
    const [only, another] = wanted;
    if (only !== undefined && another === undefined) return join(path, only);
    const there = [...new Set(files.map(collectionOf))].sort().join(', ') || 'no .bson files';
    if (only === undefined) {
      const what =
        collection === undefined
          ? `${path} holds no .bson files`
          : `${path} holds no dump of the collection "${collection}"`;
      throw new EtlError('ETL_SOURCE_NOT_FOUND', what, { where: { file: path }, hint: `There is: ${there}.` });
    }
    const what =
      collection === undefined ? `${path} holds several collections` : `${path} holds "${collection}" more than once`;
    const hint =
      collection === undefined ? `Name one with \`collection\`: ${there}.` : `Name one of ${wanted.join(', ')}.`;
    throw new EtlError('ETL_SOURCE_INVALID', what, { where: { file: path }, hint });
  } catch (error) {
    throw systemCode(error) === undefined ? error : inputError(error, path);
  }
}

/** The collection a file of a dump holds: its name without the ending, with `%2F` and the like undone. */
function collectionOf(file: string): string {
  const name = (file.split('/').at(-1) ?? '').replace(suffix, '');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** `.bson` files in a folder and in the folders in it, as paths relative to it, sorted. */
async function bsonFiles(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      const inside = await readdir(join(path, entry.name));
      found.push(...inside.filter((name) => suffix.test(name)).map((name) => join(entry.name, name)));
    } else if (suffix.test(entry.name)) found.push(entry.name);
  }
  return found.sort();
}
