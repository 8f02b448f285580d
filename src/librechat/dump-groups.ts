import { join } from 'node:path';

import { asBuffer } from '../formats/json-records.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import { bsonFormat, extendedJsonFormat } from '../files/bson-formats.ts';
import { readRecords } from '../files/read-records.ts';
import type { LibrechatGroup } from '../mappings/librechat-chats.ts';
import { librechatUserDocument } from '../mappings/librechat-user.ts';
import { idText, parseDocument, type Document } from '../models/extended-json.ts';
import { externalGroup, type ExternalGroup, type Group } from '../spill/external-group.ts';
import { decodeKey, encodeKey } from '../spill/key-bytes.ts';
import type { StageContext } from '../stage.ts';
import { documentKeys, fileIdOf } from './document-keys.ts';
import type { DumpFile, LibrechatDumpFiles } from './dump-files.ts';

// Tags in the group of chats, and in the group of files.
const conversationTag = 0;
const messageTag = 1;
const fileTag = 2;
const documentTag = 0;
const referenceTag = 1;

// Less would write a file for every few documents: memory is taken a megabyte at a time.
const leastMemoryBytes = 2 * 1024 * 1024;
const chunkBytes = 1024 * 1024;
const maxLineBytes = 128 * 1024 * 1024;

/** Which documents to take at all. */
export interface DumpSelection {
  /** E-mail addresses or ids of owners; absent: everybody's. */
  readonly users?: ReadonlySet<string> | undefined;
  readonly conversationId?: string | undefined;
}

export interface DumpGroupsOptions extends DumpSelection {
  readonly files: LibrechatDumpFiles;
  readonly memoryBytes: number;
  /** Groups up to and with this one are left out. */
  readonly after?: Uint8Array | undefined;
}

/** Documents of one owner and conversation. */
export interface DumpGroup {
  readonly key: Buffer;
  readonly bytes: number;
  readonly group: LibrechatGroup;
}

/**
 * Joins a dump's conversations, messages, files and users by owner and conversation id, ordered by these.
 *
 * A dump has the order of insertion, so everything is grouped outside of memory: `memoryBytes`, and files for the rest. Files
 * are found by the ids that messages and conversations name and by the conversation they name themselves. Users are held in
 * memory, a few hundred bytes each.
 */
export async function* dumpGroups(options: DumpGroupsOptions, ctx: StageContext): AsyncGenerator<DumpGroup> {
  const { files, memoryBytes, after } = options;
  const directory = await ctx.directory();
  const { signal } = ctx;
  const chats = externalGroup({ directory: join(directory, 'chats'), memoryBytes: shareOf(memoryBytes, 0.75), signal });
  const uploads = externalGroup({
    directory: join(directory, 'files'),
    memoryBytes: shareOf(memoryBytes, 0.25),
    signal,
  });
  try {
    const users = files.users === undefined ? new Map<string, Document>() : await readUsers(files.users, ctx);
    const isWanted = selector(options, users);
    await readTextsOf(files.conversations, conversationTag, { chats, uploads, isWanted }, ctx);
    await readTextsOf(files.messages, messageTag, { chats, uploads, isWanted }, ctx);
    if (files.files !== undefined) {
      await readUploads(files.files, uploads, isWanted, ctx);
      await placeUploads(uploads, chats);
    }
    for await (const group of chats.groups()) {
      if (after !== undefined && Buffer.compare(group.key, after) <= 0) continue;
      const joined = joinedGroup(group, users);
      if (joined !== undefined) yield joined;
    }
  } finally {
    await uploads.close();
    await chats.close();
  }
}

function shareOf(memoryBytes: number, share: number): number {
  return Math.max(leastMemoryBytes, memoryBytes * share);
}

interface Grouping {
  readonly chats: ExternalGroup;
  readonly uploads: ExternalGroup;
  readonly isWanted: (userId: string, conversationId: string | null) => boolean;
}

function selector(
  { users: wanted, conversationId: only }: DumpSelection,
  users: ReadonlyMap<string, Document>,
): Grouping['isWanted'] {
  const isOwner = (userId: string): boolean => {
    if (wanted === undefined || wanted.has(userId)) return true;
    const email = users.get(userId)?.['email'];
    return typeof email === 'string' && wanted.has(email.toLowerCase());
  };
  return (userId, conversationId) => (only === undefined || conversationId === only) && isOwner(userId);
}

/** The documents of one collection, some at a time. What cannot be read is rejected, once: a resumed run reads it again. */
async function* recordsOf({ path, isBson }: DumpFile, ctx: StageContext): AsyncGenerator<JsonRecords> {
  const limits = { batchSize: 2000, batchBytes: chunkBytes, maxLineBytes };
  const format = isBson ? bsonFormat('relaxed', limits) : extendedJsonFormat('relaxed', limits);
  const isResumed = ctx.cursor !== undefined;
  const reading: StageContext = {
    stage: ctx.stage,
    signal: ctx.signal,
    halted: false,
    dryRun: ctx.dryRun,
    reject: (record, cause, from) => {
      if (!isResumed) ctx.reject(record, cause, from);
    },
    count: (what, records, from) => ctx.count(what, records, from),
    finding: (kind, times, from) => ctx.finding(kind, times, from),
    withState: (cursor, state) => ctx.withState(cursor, state),
    partCursor: (state, after) => ctx.partCursor(state, after),
    replayed: (records) => ctx.replayed(records),
    warn: (message) => ctx.warn(message),
    directory: () => ctx.directory(),
    beforeCommit: (flush) => ctx.beforeCommit(flush),
    progressAt: (cursor, commit) => ctx.progressAt(cursor, commit),
  };
  for await (const { json } of readRecords(path, format, reading)) if (json !== undefined) yield json;
}

async function readUsers(file: DumpFile, ctx: StageContext): Promise<Map<string, Document>> {
  const users = new Map<string, Document>();
  for await (const json of recordsOf(file, ctx)) {
    for (const text of textsOf(json)) {
      const user = parseDocument(text.toString('utf8'));
      const id = idText(user['_id']);
      if (id !== undefined) users.set(id, librechatUserDocument(user));
    }
  }
  return users;
}

async function readTextsOf(
  file: DumpFile,
  tag: number,
  { chats, uploads, isWanted }: Grouping,
  ctx: StageContext,
): Promise<void> {
  for await (const json of recordsOf(file, ctx)) {
    for (const text of textsOf(json)) {
      const { userId, conversationId, fileIds } = documentKeys(text, 0, text.length);
      if (!isWanted(userId, conversationId)) continue;
      const key = encodeKey([userId, conversationId]);
      if (chats.add(key, text, tag)) await chats.spill();
      for (const id of fileIds) if (uploads.add(encodeKey([id]), key, referenceTag)) await uploads.spill();
    }
  }
}

async function readUploads(
  file: DumpFile,
  uploads: ExternalGroup,
  isWanted: Grouping['isWanted'],
  ctx: StageContext,
): Promise<void> {
  for await (const json of recordsOf(file, ctx)) {
    for (const text of textsOf(json)) {
      const id = fileIdOf(text, 0, text.length);
      if (id === undefined) continue;
      const key = encodeKey([id]);
      if (uploads.add(key, text, documentTag)) await uploads.spill();
      const { userId, conversationId } = documentKeys(text, 0, text.length);
      if (conversationId === null || !isWanted(userId, conversationId)) continue;
      if (uploads.add(key, encodeKey([userId, conversationId]), referenceTag)) await uploads.spill();
    }
  }
}

/** Puts each file's document into the chats that name it. */
async function placeUploads(uploads: ExternalGroup, chats: ExternalGroup): Promise<void> {
  for await (const { members } of uploads.groups()) {
    const documents = members.filter(({ tag }) => tag === documentTag);
    if (documents.length === 0) continue;
    const keys = new Map(
      members.filter(({ tag }) => tag === referenceTag).map(({ text }) => [text.toString('latin1'), text]),
    );
    for (const key of keys.values()) {
      for (const { text } of documents) if (chats.add(key, text, fileTag)) await chats.spill();
    }
  }
}

/** A group as documents; nothing when only files say that there was such a conversation. */
function joinedGroup({ key, members }: Group, users: ReadonlyMap<string, Document>): DumpGroup | undefined {
  if (members.every(({ tag }) => tag === fileTag)) return undefined;
  const documents = (wanted: number): Document[] =>
    members.filter(({ tag }) => tag === wanted).map(({ text }) => parseDocument(text.toString('utf8')));
  const [user, conversation] = decodeKey(key);
  const userId = typeof user === 'string' ? user : '';
  return {
    key,
    bytes: members.reduce((sum, { text }) => sum + text.length, 0),
    group: {
      userId,
      conversationId: typeof conversation === 'string' ? conversation : null,
      user: users.get(userId) ?? null,
      conversations: documents(conversationTag),
      messages: documents(messageTag),
      files: documents(fileTag),
    },
  };
}

function* textsOf({ bytes, starts, ends, count }: JsonRecords): Generator<Buffer> {
  const buffer = asBuffer(bytes);
  for (let i = 0; i < count; i++) yield buffer.subarray(starts[i], ends[i]);
}
