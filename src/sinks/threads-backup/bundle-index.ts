import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { EtlError } from '../../errors.ts';
import { hashFile } from '../../files/hash-file.ts';
import { InputFile } from '../../files/input-file.ts';
import { MANIFEST_FILE } from '../../formats/bundle.ts';
import { readJsonLines } from '../../formats/json-lines.ts';
import { jsonElements, jsonMember, jsonMembers, jsonValue } from '../../formats/json-members.ts';
import { asBuffer } from '../../formats/json-records.ts';
import { makeFolder } from '../../make-folder.ts';
import type { ThreadBundleManifest, ThreadIndexEntry } from '../../models/langgraph-bundle.ts';
import { THREAD_BUNDLE_SCHEMA, THREAD_INDEX_FILE, THREADS_FILE } from '../../models/langgraph.ts';

/**
 * Holds that a new bundle may be written to a folder.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when there is one.
 */
export async function refuseBundle(path: string): Promise<void> {
  if (!(await isThere(join(path, MANIFEST_FILE)))) return;
  throw new EtlError('ETL_SINK_EXISTS', `there is a bundle in ${path}`, {
    where: { file: path },
    hint: 'Choose another folder, move it away, or set `ifExists: replace`.',
  });
}

/** Makes the folder, and takes away the manifest of a bundle that is about to be written anew, and its threads in the other form. */
export async function beginBundle(path: string, file: string, ifExists: 'replace' | 'error'): Promise<void> {
  await makeFolder(path);
  if (ifExists === 'error') await refuseBundle(path);
  await rm(join(path, MANIFEST_FILE), { force: true });
  if (ifExists === 'error') return;
  for (const name of [THREADS_FILE, `${THREADS_FILE}.gz`])
    if (name !== basename(file)) await rm(join(path, name), { force: true });
}

/** Writes the index and, last, the manifest of a bundle whose threads are all in `file`. */
export async function completeBundle(
  path: string,
  file: string,
  source: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const index = join(path, THREAD_INDEX_FILE);
  const counts = { threads: 0, records: 0, checkpoints: 0 };
  const output = await open(index, 'w');
  try {
    let lines = '';
    for await (const entry of threadIndex(file, signal)) {
      counts.threads += 1;
      counts.records += entry.records;
      counts.checkpoints += entry.checkpoints;
      lines += `${JSON.stringify(entry)}\n`;
      if (lines.length < 256 * 1024) continue;
      await output.appendFile(lines);
      lines = '';
    }
    await output.appendFile(lines);
    await output.datasync();
  } finally {
    await output.close();
  }
  const files = [];
  for (const each of [file, index]) files.push({ name: basename(each), ...(await hashFile(each, signal)) });
  const manifest: ThreadBundleManifest = { schema: THREAD_BUNDLE_SCHEMA, source: source ?? null, counts, files };
  const next = join(path, `${MANIFEST_FILE}.next`);
  await writeFile(next, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  await rename(next, join(path, MANIFEST_FILE));
}

/** What the index of a bundle has to say, made from its threads. Lines of one thread follow one another. */
export async function* threadIndex(file: string, signal: AbortSignal): AsyncGenerator<ThreadIndexEntry> {
  let current: { id: string; records: number; checkpoints: number; bytes: number; hash: Hash } | undefined;
  const entry = ({ id, hash, ...figures }: NonNullable<typeof current>): ThreadIndexEntry => ({
    thread_id: id,
    ...figures,
    sha256: hash.digest('hex'),
  });
  for await (const line of linesOf(file, signal)) {
    const members = jsonMembers(line);
    const id = jsonMember(members, 'thread_id');
    const history = jsonMember(members, 'history');
    const threadId = id === undefined ? '' : String(jsonValue(line, id));
    if (current?.id !== threadId) {
      if (current !== undefined) yield entry(current);
      current = { id: threadId, records: 0, checkpoints: 0, bytes: 0, hash: createHash('sha256') };
    }
    current.records += 1;
    current.checkpoints += history === undefined ? 0 : jsonElements(line, history.start, history.end).length;
    current.bytes += line.length + 1;
    current.hash.update(line).update('\n');
  }
  if (current !== undefined) yield entry(current);
}

const maxLineBytes = 512 * 1024 * 1024;

async function* linesOf(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const input = await InputFile.open(path);
  try {
    for await (const { json, bad } of readJsonLines(input.read(undefined, signal), { signal, maxLineBytes })) {
      const [first] = bad;
      if (first !== undefined) {
        throw new EtlError('ETL_RECORD_INVALID', first.reason, {
          where: { file: path, line: first.line, offset: first.offset },
        });
      }
      const bytes = asBuffer(json.bytes);
      for (let i = 0; i < json.count; i++) yield bytes.subarray(json.starts[i], json.ends[i]);
    }
  } catch (error) {
    throw input.failure(error);
  } finally {
    await input.close();
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
