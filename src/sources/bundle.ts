import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { pickRecords } from '../batch.ts';
import { defineSource } from '../component.ts';
import { BundleFileEntries, type FoundFileEntry } from '../files/bundle-file-entries.ts';
import { bundleFolders, type BundleFolder } from '../files/bundle-folders.ts';
import { batchBytes, batchSize, configOf, maxLineBytes } from '../files/file-source-options.ts';
import { inputEstimate } from '../files/input-estimate.ts';
import { jsonLinesFormat } from '../files/json-formats.ts';
import { readJsonValues } from '../files/read-json-values.ts';
import { readRecords } from '../files/read-records.ts';
import { USERS_FILE } from '../formats/bundle.ts';
import { jsonRecordText } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import { bundleToConversation, type BundledFile } from '../mappings/bundle-to-conversation.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import type { Conversation } from '../models/conversation.ts';
import { idText, parseDocument, type Document } from '../models/extended-json.ts';
import type { Batch, Source, StageContext } from '../stage.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      "The bundle: its folder, one user's folder out of it, or a `conversations.jsonl`. Ours, or another tool's with this layout.",
    )
    .meta({ examples: ['./exports/librechat'] }),
  records: z
    .enum(['conversations', 'documents'])
    .default('conversations')
    .describe(
      '`conversations`: canonical records. `documents`: the lines as they stand, with the documents of the system they come from.',
    ),
  userEmail: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Only chats of these users.')
    .meta({ examples: ['ana@example.org'] }),
  batchSize,
  batchBytes,
  maxLineBytes,
});
export type BundleSourceOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/**
 * Reads the chats of a bundle, folder by folder in the order of their names.
 *
 * Conversations carry their files with digest and place: `paths` are relative to the bundle. What the bundle holds as
 * LibreChat's documents becomes what the `librechat` source would have given. A resumed run goes on at the next line.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there are no chats; `ETL_SOURCE_INVALID` for a bundle that was not
 *   completed; `ETL_SOURCE_CHANGED` when it is another one than the run was started with.
 */
export function bundleSource(input: BundleSourceOptions & { readonly records: 'documents' }): Source<unknown>;
export function bundleSource(input: BundleSourceOptions & { readonly records?: 'conversations' }): Source<Conversation>;
export function bundleSource(input: BundleSourceOptions): Source<unknown>;
export function bundleSource(input: BundleSourceOptions): Source<unknown> {
  const given = options.parse(input);
  const estimate = async (): Promise<Awaited<ReturnType<typeof inputEstimate>>> => {
    const { folders } = await bundleFolders(given.path);
    return folders.length === 0
      ? { records: 0, bytes: 0, plan: 'a bundle without chats' }
      : inputEstimate(folders.map(({ conversations }) => conversations));
  };
  return {
    role: 'source',
    name: 'bundle',
    config: configOf(given),
    read: (ctx) => readBundle(given, ctx),
    estimate,
    async check() {
      const { folders, manifest } = await bundleFolders(given.path);
      return manifest === undefined
        ? `${folders.length} folders with chats`
        : `a complete bundle of ${manifest.counts.conversations} chats, exported ${manifest.exported_at}`;
    },
  };
}

/** The folder whose chats are being read. */
interface OpenFolder {
  readonly folder: BundleFolder;
  readonly entries: BundleFileEntries;
  /** Names of projects by their ids. */
  readonly projects: ReadonlyMap<string, string>;
}

async function* readBundle(given: Options, ctx: StageContext): AsyncGenerator<Batch<unknown>> {
  const { path, folders } = await bundleFolders(given.path);
  if (folders.length === 0) return;
  const wanted =
    given.userEmail === undefined ? undefined : new Set([given.userEmail].flat().map((email) => email.toLowerCase()));
  const byFile = new Map(folders.map((folder) => [folder.conversations, folder]));
  const users = given.records === 'documents' ? new Map<string, Document>() : await usersOf(path);
  let open: OpenFolder | undefined;
  try {
    for await (const all of readRecords([...byFile.keys()], jsonLinesFormat(given), ctx)) {
      const batch = wanted === undefined ? all : onlyOf(all, wanted, ctx);
      if (given.records === 'documents') {
        yield batch;
        continue;
      }
      // What the reader of files gives as cursor names the file.
      const { file } = all.cursor as { readonly file: string };
      if (open?.folder.conversations !== file) {
        await open?.entries.close();
        open = undefined;
        const folder = byFile.get(file);
        if (folder === undefined) throw new Error(`${file} is none of the bundle's files`);
        const projects = await projectNames(folder, ctx.signal);
        open = { folder, projects, entries: await BundleFileEntries.open(folder, ctx.signal) };
      }
      yield await conversations(batch, open, users, ctx);
    }
  } finally {
    await open?.entries.close();
  }
}

/** A batch without the chats of others. */
function onlyOf(batch: Batch<unknown>, wanted: ReadonlySet<string>, ctx: StageContext): Batch<unknown> {
  const kept: number[] = [];
  for (const [index, record] of batch.records.entries()) {
    const email = memberOf(record, 'user_email');
    if (typeof email === 'string' && wanted.has(email.toLowerCase())) kept.push(index);
  }
  ctx.count('filtered', batch.records.length - kept.length);
  return pickRecords(batch, kept);
}

async function conversations(
  batch: Batch<unknown>,
  { folder, entries, projects }: OpenFolder,
  users: ReadonlyMap<string, Document>,
  ctx: StageContext,
): Promise<Batch<Conversation>> {
  const files = await entries.find(batch.records.flatMap(fileIdsOf));
  const records: Conversation[] = [];
  const origins: number[] = [];
  for (const [index, line] of batch.records.entries()) {
    const record = exactLine(line, batch, index);
    try {
      const { conversation, losses } = bundleToConversation(record, {
        filesOf: (fileId) => (files.get(fileId) ?? []).map((entry) => bundledFile(entry, folder)),
        user: users.get(userIdOf(record)) ?? null,
        projectName: (id) => projects.get(id),
      });
      reportFindings(ctx, conversation, losses);
      records.push(conversation);
      origins.push(index);
    } catch (error) {
      ctx.reject(record, error, { at: batch.at?.(index) });
    }
  }
  const { bytes, cursor, at } = batch;
  return { records, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
}

/** A database's documents with all digits of their long numbers; what we made of a conversation has none of those. */
function exactLine(line: unknown, { json }: Batch<unknown>, index: number): unknown {
  if (json === undefined || memberOf(memberOf(line, 'threadmill'), 'form') === 'conversation') return line;
  const text = jsonRecordText(json, index);
  return /\d{16}/.test(text) ? parseDocument(text) : line;
}

function bundledFile(
  { metadata, sha256, copied_rel_path: place, bytes }: FoundFileEntry,
  { name }: BundleFolder,
): BundledFile {
  const path = typeof place !== 'string' ? null : name === '.' ? place : `${name}/${place}`;
  const document =
    typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? (metadata as Document) : {};
  return { metadata: document, sha256: sha256 ?? null, path, bytes: bytes ?? null };
}

/** The users' lines by id, in the form of the system's own documents; none in bundles of other tools. */
async function usersOf(path: string): Promise<Map<string, Document>> {
  const users = new Map<string, Document>();
  const { manifest } = await bundleFolders(path);
  if (manifest === undefined) return users;
  for await (const user of readJsonValues(join(path, USERS_FILE))) {
    const id = memberOf(user, 'id');
    // Checked by its id; the rest is read tolerantly.
    if (typeof id === 'string' && hasProfile(user as Document)) users.set(id, { ...(user as Document), _id: id });
  }
  return users;
}

/** What the projects in a folder are called; nothing where there are none. */
async function projectNames({ path, ending }: BundleFolder, signal: AbortSignal): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const file = join(path, `projects.jsonl${ending}`);
  if (!existsSync(file)) return names;
  for await (const project of readJsonValues(file, signal)) {
    const id = idText(memberOf(project, '_id') as Json | undefined);
    const name = memberOf(project, 'name');
    if (id !== undefined && typeof name === 'string') names.set(id, name);
  }
  return names;
}

/** Of an account that is gone only its id is known, and where its chats are. */
function hasProfile(user: Document): boolean {
  return Object.entries(user).some(([name, value]) => name !== 'id' && name !== 'folder' && value !== null);
}

function userIdOf(line: unknown): string {
  const id = memberOf(memberOf(line, 'threadmill'), 'user_id');
  return typeof id === 'string' ? id : '';
}

function fileIdsOf(line: unknown): string[] {
  const ids = memberOf(line, 'file_ids');
  return Array.isArray(ids) ? (ids as readonly unknown[]).filter((id) => typeof id === 'string') : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

export const bundleSourceComponent = defineSource({
  type: 'bundle',
  summary: 'The chats of a bundle: conversations.jsonl with files beside it',
  details:
    'Reads bundles that the `bundle` sink wrote, and those of other tools with the same layout. Gives conversations with the digest and the ' +
    'place of each file, relative to the bundle, or with `records: documents` the lines as they stand. A bundle that was not completed is refused.',
  gives: 'any',
  options,
  examples: [
    'type: bundle\npath: ./exports/librechat',
    'type: bundle\npath: ./exports/librechat\nuserEmail: [ana@example.org]\nrecords: documents',
  ],
  create: bundleSource,
});
