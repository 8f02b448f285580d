import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { EtlError } from '../../errors.ts';
import { hashFile, type FileDigest } from '../../files/hash-file.ts';
import { InputFile } from '../../files/input-file.ts';
import { MANIFEST_FILE } from '../../formats/bundle.ts';
import { readJsonLines } from '../../formats/json-lines.ts';
import { jsonElements, jsonMember, jsonMembers, jsonValue } from '../../formats/json-members.ts';
import { asBuffer } from '../../formats/json-records.ts';
import { makeFolder } from '../../make-folder.ts';
import { THREAD_BUNDLE_SCHEMA, THREAD_INDEX_FILE } from '../../models/langgraph.ts';

/** A thread in a bundle's index. The digest is of its lines, each with its line feed. */
export interface ThreadIndexEntry {
  readonly thread_id: string;
  readonly records: number;
  readonly checkpoints: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ThreadBundleManifest {
  readonly schema: typeof THREAD_BUNDLE_SCHEMA;
  readonly source: string | null;
  readonly counts: { readonly threads: number; readonly records: number; readonly checkpoints: number };
  readonly files: readonly (FileDigest & { readonly name: string })[];
}

/** Makes the folder, and takes away the manifest of a bundle that is about to be written anew. */
export async function beginBundle(path: string, ifExists: 'replace' | 'error'): Promise<void> {
  await makeFolder(path);
  const manifest = join(path, MANIFEST_FILE);
  const exists = await stat(manifest).then(
    () => true,
    () => false,
  );
  if (exists && ifExists === 'error') {
    throw new EtlError('ETL_SINK_EXISTS', `there is a bundle in ${path}`, {
      where: { file: path },
      hint: 'Choose another folder, move it away, or set `ifExists: replace`.',
    });
  }
  await rm(manifest, { force: true });
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
async function* threadIndex(file: string, signal: AbortSignal): AsyncGenerator<ThreadIndexEntry> {
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
