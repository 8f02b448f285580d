import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError, systemCode } from '../../errors.ts';
import { inputError } from '../../files/file-error.ts';
import { MANIFEST_FILE } from '../../formats/bundle.ts';
import { threadBundleManifest, type ThreadBundleManifest } from '../../models/langgraph-bundle.ts';
import { THREAD_BUNDLE_SCHEMA, THREADS_FILE } from '../../models/langgraph.ts';

/**
 * The manifest of a bundle of threads.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` when there is none, which says that the bundle was not completed, or when it is of
 *   something else.
 */
export async function readThreadManifest(folder: string): Promise<ThreadBundleManifest> {
  const file = join(folder, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw inputError(error, file);
    throw new EtlError('ETL_SOURCE_INVALID', `${folder} was not completed: it has no ${MANIFEST_FILE}`, {
      where: { file: folder },
      hint: `Repeat the command that writes it: it goes on where it stopped. To read what there is, name its ${THREADS_FILE}.`,
    });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EtlError('ETL_SOURCE_INVALID', 'the manifest is not JSON', { where: { file }, cause });
  }
  const manifest = threadBundleManifest.safeParse(value);
  if (manifest.success) return manifest.data;
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  const what =
    schema === THREAD_BUNDLE_SCHEMA
      ? `the manifest is not as it should be: ${manifest.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`
      : `expected schema "${THREAD_BUNDLE_SCHEMA}", received ${JSON.stringify(schema)}`;
  throw new EtlError('ETL_SOURCE_INVALID', what, { where: { file } });
}

/** The file with the threads, compressed or not. */
export function threadsFileOf({ files }: ThreadBundleManifest): string {
  return files.find(({ name }) => name === `${THREADS_FILE}.gz`)?.name ?? THREADS_FILE;
}

/**
 * Holds that the files of a bundle are as long as its manifest says: lines that were lost, and a file that was cut, are seen
 * without reading it.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID`.
 */
export async function checkThreadFiles(folder: string, { files }: ThreadBundleManifest): Promise<void> {
  for (const { name, bytes } of files) {
    const file = join(folder, name);
    const found = await stat(file).then(
      ({ size }) => size,
      (error: unknown) => {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw inputError(error, file);
      },
    );
    if (found === bytes) continue;
    const what = found === undefined ? 'is missing' : `has ${found} bytes, and the manifest says ${bytes}`;
    throw new EtlError('ETL_SOURCE_INVALID', `the bundle is not as it was made: ${name} ${what}`, {
      where: { file: folder },
      hint: `See all of it with etl verify, and get the bundle anew. To read it as it is, name its ${THREADS_FILE}.`,
    });
  }
}
