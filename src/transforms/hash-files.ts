import { stat } from 'node:fs/promises';

import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { ContentStore } from '../files/content-store.ts';
import { inputError } from '../files/file-error.ts';
import { FileFinder, type StoredFile } from '../files/file-finder.ts';
import { mapConcurrently } from '../map-concurrent.ts';
import { isConversation, type Conversation, type FileRecord } from '../models/conversation.ts';
import { compilePath, parsePath, pathOption, type PathStep } from '../paths.ts';
import type { Transform } from '../stage.ts';

const options = z.strictObject({
  roots: z
    .array(z.string().min(1))
    .min(1)
    .describe('Folders the files are in. Nothing outside them is ever opened.')
    .meta({ examples: [['./uploads', './images']] }),
  field: pathOption
    .default('files')
    .describe(
      'Where in a record its files are: an object, a path, or a list of those. A name goes through lists by itself.',
    )
    .meta({ examples: ['attachments', 'messages.files'] }),
  pathFrom: pathOption
    .default('path')
    .describe('Where in such an object the path is, or a list of paths to try.')
    .meta({ examples: ['filepath'] }),
  into: z.string().min(1).default('stored').describe('Field of such an object for what was found.'),
  concurrency: z.int().min(1).max(256).default(8).describe('Files that are read at the same time.'),
  copyTo: z
    .string()
    .min(1)
    .optional()
    .describe('Folder to copy the files to, each once, under its digest.')
    .meta({ examples: ['./files'] }),
  copyAs: z
    .enum(['sha256', 'name'])
    .default('sha256')
    .describe('How copies are called: `ab/abcd…`, or `ab/abcd…/<name>` with the name of the file.'),
});
export type HashFilesOptions = z.input<typeof options>;
export type { StoredFile } from '../files/file-finder.ts';

/**
 * Finds the files that records point to, and adds their SHA-256 and size.
 *
 * In a conversation (`threadmill/conversation@1`) each entry of `files` that has `paths` gets `sha256`, the true `bytes` and
 * the one path that was found, or `unavailable`. In other records each object found at `field` gets what was found in `into`:
 * `{sha256, bytes, path}`, or `{unavailable}` with the reason `missing`, `refused`, `unreadable` or `notAFile`; a path that
 * stands there by itself becomes `{path, [into]}`. No file is a reason to stop. A leading `/`, a query (`?…`) and the name of a
 * root at the beginning of a path do no harm; `..`, and links that lead out of the roots, are refused.
 *
 * With `copyTo` the files are copied, too; a copy is whole and on the disk before its record is committed. A file that many
 * records point to is read once, among the last 10,000.
 */
export function hashFiles<T>(input: HashFilesOptions): Transform<T, T> {
  const { roots, field, pathFrom, into, concurrency, copyTo, copyAs } = options.parse(input);
  const steps = parsePath(field);
  const pathsOf = compilePath(pathFrom);

  return {
    role: 'transform',
    name: 'hash-files',
    config: { roots, field, pathFrom, into, copyTo: copyTo ?? null, copyAs },
    async check() {
      for (const root of roots) await stat(root).catch((error: unknown) => Promise.reject(inputError(error, root)));
      return `${roots.length} ${roots.length === 1 ? 'folder' : 'folders'} of files`;
    },
    async *apply(batches, ctx) {
      const store = copyTo === undefined || ctx.dryRun ? undefined : new ContentStore(copyTo, copyAs);
      if (store !== undefined) ctx.beforeCommit(() => store.sync());
      for (const root of roots) {
        if (!(await isThere(root))) ctx.warn(`the folder ${root} does not exist: files in it count as missing`);
      }
      const finder = new FileFinder(roots, store, concurrency);
      const find = async (paths: readonly string[], signal: AbortSignal): Promise<StoredFile> => {
        const found = await finder.find(paths, signal);
        if ('unavailable' in found && found.unavailable === 'unreadable')
          ctx.warn('some files may not be read: permission denied');
        return found;
      };
      const describe = async (entry: unknown, signal: AbortSignal): Promise<unknown> => {
        if (typeof entry === 'string') return { path: entry, [into]: await find([entry], signal) };
        const paths = texts(pathsOf(entry));
        return paths.length === 0 ? entry : { ...(entry as object), [into]: await find(paths, signal) };
      };
      // What is found is added; the record stays what it was.
      const change = (record: T, signal: AbortSignal): Promise<T> =>
        (isConversation(record)
          ? withFiles(record, (paths) => find(paths, signal))
          : changedAt(record, steps, (entry) => describe(entry, signal))) as Promise<T>;
      yield* mapConcurrently(batches, change, ctx, { concurrency });
    },
  };
}

async function withFiles(
  conversation: Conversation,
  find: (paths: readonly string[]) => Promise<StoredFile>,
): Promise<Conversation> {
  const files = await Promise.all(conversation.files.map((file) => withDigest(file, find)));
  return files.every((file, index) => file === conversation.files[index]) ? conversation : { ...conversation, files };
}

async function withDigest(
  file: FileRecord,
  find: (paths: readonly string[]) => Promise<StoredFile>,
): Promise<FileRecord> {
  if (file.paths === undefined || file.paths.length === 0) return file;
  const found = await find(file.paths);
  if ('unavailable' in found) return { ...file, unavailable: found.unavailable === 'refused' ? 'refused' : 'missing' };
  const { unavailable: _, ...known } = file;
  return { ...known, sha256: found.sha256, bytes: found.bytes, paths: [found.path] };
}

/** The value with what is at `steps` changed, or itself when nothing is there. */
async function changedAt(
  value: unknown,
  steps: readonly PathStep[],
  change: (entry: unknown) => Promise<unknown>,
): Promise<unknown> {
  const [step, ...rest] = steps;
  if (Array.isArray(value) && typeof step !== 'number') {
    const items = await Promise.all(value.map((item) => changedAt(item, steps, change)));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (step === undefined) return change(value);
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return value;
  const inner = (value as Readonly<Record<PathStep, unknown>>)[step];
  const changed = await changedAt(inner, rest, change);
  if (changed === inner) return value;
  if (Array.isArray(value)) return value.with(step as number, changed) as unknown;
  return { ...value, [step]: changed };
}

async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((path): path is string => typeof path === 'string');
}

export const hashFilesComponent = defineTransform({
  type: 'hash-files',
  summary: 'Adds SHA-256 and size of the files that records point to',
  details:
    'Looks below `roots` only: `..`, absolute paths and links that lead out are refused. A file that is missing is recorded, ' +
    'not fatal. Works on conversations by itself, on other records where `field` and `pathFrom` say. With `copyTo` it copies ' +
    'each file once, under its digest.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: [
    'type: hash-files\nroots: [./uploads, ./images]',
    'type: hash-files\nroots: [./uploads]\nfield: attachments\npathFrom: filepath\ncopyTo: ./files',
  ],
  create: hashFiles,
});
