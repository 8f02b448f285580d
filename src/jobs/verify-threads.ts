import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { describeCause, EtlError, systemCode } from '../errors.ts';
import { inputError } from '../files/file-error.ts';
import { hashFile } from '../files/hash-file.ts';
import { readJsonValues } from '../files/read-json-values.ts';
import { MANIFEST_FILE } from '../formats/bundle.ts';
import { threadIndexEntry, type ThreadBundleManifest, type ThreadIndexEntry } from '../models/langgraph-bundle.ts';
import { THREAD_BUNDLE_SCHEMA, THREAD_INDEX_FILE, THREADS_FILE } from '../models/langgraph.ts';
import { threadIndex } from '../sinks/threads-backup/bundle-index.ts';
import { readThreadManifest, threadsFileOf } from '../sources/threads-backup/bundle-manifest.ts';
import { Differences, type ThreadVerifyReport } from './verify-report.ts';

const shown = 3;

/**
 * Proves that a bundle of LangGraph threads is whole: both files are hashed, every thread's digest is made again and held to
 * the index, and every count compared. Memory is that of the index.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is no folder. Differences are not errors.
 */
export async function verifyThreads(
  path: string,
  options: { readonly signal?: AbortSignal | undefined; readonly maxDifferences?: number | undefined } = {},
): Promise<ThreadVerifyReport> {
  const { signal = new AbortController().signal, maxDifferences = 100 } = options;
  const differences = new Differences(maxDifferences);
  let checked = { threads: 0, checkpoints: 0, files: 0, bytes: 0 };
  await stat(path).catch((error: unknown) => {
    throw inputError(error, path);
  });
  const manifest = await manifestOf(path, differences);
  if (manifest !== undefined) {
    const hashed = await hashFiles(path, manifest, differences, signal);
    const counts = await compareThreads(path, manifest, differences, signal);
    checked = { ...hashed, threads: counts.threads, checkpoints: counts.checkpoints };
    for (const name of ['threads', 'records', 'checkpoints'] as const)
      differences.expect('count', MANIFEST_FILE, name, manifest.counts[name], counts[name]);
    const known = new Set([MANIFEST_FILE, ...manifest.files.map(({ name }) => name)]);
    for (const name of await readdir(path))
      if (!known.has(name)) differences.add('unlisted', name, 'is in no list of the bundle');
  }
  const found = differences.report();
  return { schema: 'threadmill/verify-threads@1', bundle: path, ok: found.total === 0, checked, differences: found };
}

/** Whether a folder is a bundle of threads: one that was completed, or was begun. */
export async function isThreadBundle(path: string): Promise<boolean> {
  const text = await readFile(join(path, MANIFEST_FILE), 'utf8').catch(() => undefined);
  if (text !== undefined) return text.includes(`"${THREAD_BUNDLE_SCHEMA}"`);
  const names = await readdir(path).catch(() => []);
  return names.some((name) => name === THREADS_FILE || name === `${THREADS_FILE}.gz`);
}

/**
 * Looks whether a bundle of threads is what it was when it was made, by the digests of its files: before they are imported.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` when it is not, or was not completed.
 */
export async function checkThreads(folder: string, signal: AbortSignal): Promise<void> {
  const differences = new Differences(shown);
  await hashFiles(folder, await readThreadManifest(folder), differences, signal);
  const { total, first } = differences.report();
  if (total === 0) return;
  const said = first.map(({ where, detail }) => `${where}: ${detail}`);
  throw new EtlError('ETL_SOURCE_INVALID', `the bundle is not as it was made: ${said.join('; ')}`, {
    where: { file: folder },
    hint: 'See all of it with etl verify, and get the bundle anew; --no-check takes it as it is.',
  });
}

async function manifestOf(path: string, differences: Differences): Promise<ThreadBundleManifest | undefined> {
  try {
    return await readThreadManifest(path);
  } catch (error) {
    differences.add('manifest', MANIFEST_FILE, describeCause(error));
    return undefined;
  }
}

async function hashFiles(
  path: string,
  { files }: ThreadBundleManifest,
  differences: Differences,
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly bytes: number }> {
  let bytes = 0;
  let hashed = 0;
  for (const { name, sha256 } of files) {
    try {
      const found = await hashFile(join(path, name), signal);
      hashed += 1;
      bytes += found.bytes;
      differences.expect('file', name, 'SHA-256', sha256, found.sha256);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      differences.add('file', name, systemCode(error) === 'ENOENT' ? 'is missing' : describeCause(error));
    }
  }
  return { files: hashed, bytes };
}

/** Makes the index anew, thread by thread, and compares it with the one that is there. */
async function compareThreads(
  path: string,
  manifest: ThreadBundleManifest,
  differences: Differences,
  signal: AbortSignal,
): Promise<ThreadBundleManifest['counts']> {
  const counts = { threads: 0, records: 0, checkpoints: 0 };
  const stated = await statedThreads(path, differences, signal);
  const file = threadsFileOf(manifest);
  try {
    for await (const found of threadIndex(join(path, file), signal)) {
      const { thread_id: id } = found;
      counts.threads += 1;
      counts.records += found.records;
      counts.checkpoints += found.checkpoints;
      const expected = stated.get(id);
      if (expected === undefined) differences.add('index', `thread ${id}`, `is in ${file}, and not in the index`);
      else compareThread(expected, found, differences);
      stated.delete(id);
    }
    for (const id of stated.keys()) differences.add('missing', `thread ${id}`, `is in the index, and not in ${file}`);
  } catch (error) {
    noteBroken(file, error, differences);
  }
  return counts;
}

function compareThread(expected: ThreadIndexEntry, found: ThreadIndexEntry, differences: Differences): void {
  const where = `thread ${expected.thread_id}`;
  if (expected.sha256 !== found.sha256)
    differences.add(
      'thread',
      where,
      `does not hold what its digest says: stated ${expected.sha256}, is ${found.sha256}`,
    );
  for (const name of ['records', 'checkpoints', 'bytes'] as const)
    differences.expect('index', where, name, expected[name], found[name]);
}

async function statedThreads(
  path: string,
  differences: Differences,
  signal: AbortSignal,
): Promise<Map<string, ThreadIndexEntry>> {
  const stated = new Map<string, ThreadIndexEntry>();
  try {
    for await (const value of readJsonValues(join(path, THREAD_INDEX_FILE), signal)) {
      const entry = threadIndexEntry.safeParse(value);
      if (entry.success) stated.set(entry.data.thread_id, entry.data);
      else
        differences.add(
          'index',
          THREAD_INDEX_FILE,
          `has a line that is no entry: ${JSON.stringify(value).slice(0, 100)}`,
        );
    }
  } catch (error) {
    noteBroken(THREAD_INDEX_FILE, error, differences);
  }
  return stated;
}

function noteBroken(file: string, error: unknown, differences: Differences): void {
  if (!(error instanceof EtlError) && systemCode(error) === undefined) throw error;
  differences.add('file', file, describeCause(error));
}
