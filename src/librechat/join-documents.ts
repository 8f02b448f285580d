import { join } from 'node:path';

import { EtlError } from '../errors.ts';
import { asBuffer, type JsonRecords } from '../formats/json-records.ts';
import { librechatUserDocument } from '../mappings/librechat-user.ts';
import { idText, parseDocument, type Document } from '../models/extended-json.ts';
import { externalGroup, type ExternalGroup } from '../spill/external-group.ts';
import { encodeKey } from '../spill/key-bytes.ts';
import type { StageContext } from '../stage.ts';
import { AwaitedMessages } from './awaited-messages.ts';
import { documentIdOf, documentKeys, fileIdOf } from './document-keys.ts';
import {
  awaitedTag,
  conversationTag,
  fileTag,
  joinedGroup,
  messageTag,
  relatedNames,
  relatedTag,
  userTag,
} from './joined-group.ts';
import type { AwaitedChats, JoinedChats, JoinedUser } from './joined.ts';
import { withMessages } from './late-messages.ts';
import {
  relatedCollections,
  relatedToRead,
  type Includable,
  type LibrechatInput,
  type LibrechatSelection,
} from './librechat-input.ts';
import { readingContext } from './reading-context.ts';
import { idsOfWanted } from './wanted-users.ts';

// Tags in the group of files.
const documentTag = 0;
const referenceTag = 1;

// Less would write a file for every few documents: memory is taken a megabyte at a time.
const leastMemoryBytes = 2 * 1024 * 1024;

export interface JoinOptions {
  readonly input: LibrechatInput;
  /** E-mail addresses, lower case, or ids of owners; absent: everybody's. */
  readonly users?: ReadonlySet<string> | undefined;
  readonly conversationId?: string | undefined;
  /** Whether users come, with what is theirs besides chats. */
  readonly withUsers: boolean;
  /** What else of users is asked for. */
  readonly include: readonly Includable[];
  readonly memoryBytes: number;
  /** What comes up to and with this key is left out. */
  readonly after?: Uint8Array | undefined;
}

/**
 * Joins a LibreChat's documents by owner and conversation id, ordered by these.
 *
 * Documents come in the order of insertion, so everything is grouped outside of memory: `memoryBytes`, and files for the
 * rest. Files are found by the ids that messages and conversations name and by the conversation they name themselves. Users
 * are held in memory, a few hundred bytes each.
 */
export async function* joinDocuments(
  options: JoinOptions,
  ctx: StageContext,
): AsyncGenerator<JoinedUser | JoinedChats> {
  const { input, memoryBytes, withUsers, conversationId } = options;
  const directory = await ctx.directory();
  const { signal } = ctx;
  const chats = externalGroup({ directory: join(directory, 'chats'), memoryBytes: shareOf(memoryBytes, 0.75), signal });
  const uploads = externalGroup({
    directory: join(directory, 'files'),
    memoryBytes: shareOf(memoryBytes, 0.25),
    signal,
  });
  try {
    const users = new Map<string, Document>();
    await readUsers(options, users, chats, ctx);
    const userIds = options.users === undefined ? undefined : idsOfWanted(options.users, users, ctx);
    const isSelected = userIds !== undefined || conversationId !== undefined;
    const work: Join = {
      ...options,
      chats,
      uploads,
      selection: { userIds, conversationId },
      fileIds: isSelected ? new Set() : undefined,
      isFound: false,
    };
    await readConversations(work, ctx);
    await readMessages(work, ctx);
    if (conversationId !== undefined && !work.isFound) rejectMissing(conversationId, userIds !== undefined, ctx);
    await readUploads(work, ctx);
    await placeUploads(work);
    // Of one conversation only that.
    if (withUsers && conversationId === undefined) await readRelated(work, ctx);
    const groups = joinedGroups(work, users);
    const { messages } = input;
    yield* messages === undefined ? groups : withMessages(groups, messages, ctx);
  } finally {
    await uploads.close();
    await chats.close();
  }
}

async function* joinedGroups(
  { chats, after, selection: { userIds } }: Join,
  users: ReadonlyMap<string, Document>,
): AsyncGenerator<JoinedUser | AwaitedChats> {
  for await (const group of chats.groups()) {
    if (after !== undefined && Buffer.compare(group.key, after) <= 0) continue;
    const joined = joinedGroup(group, users);
    if (joined !== undefined && (joined.kind === 'chats' || userIds?.has(joined.userId) !== false)) yield joined;
  }
}

function shareOf(memoryBytes: number, share: number): number {
  return Math.max(leastMemoryBytes, memoryBytes * share);
}

interface Join extends JoinOptions {
  readonly chats: ExternalGroup;
  readonly uploads: ExternalGroup;
  readonly selection: LibrechatSelection;
  /** Ids that the documents name, where not all of the files are read. */
  readonly fileIds: Set<string> | undefined;
  /** There is something of the chats that are wanted. */
  isFound: boolean;
}

function isWanted({ selection }: Join, userId: string, conversationId: string | null): boolean {
  if (selection.conversationId !== undefined && selection.conversationId !== conversationId) return false;
  return selection.userIds === undefined || selection.userIds.has(userId);
}

async function readUsers(
  { input, withUsers, conversationId }: JoinOptions,
  users: Map<string, Document>,
  chats: ExternalGroup,
  ctx: StageContext,
): Promise<void> {
  if (!input.has('users')) ctx.warn('there are no users: owners are known by their ids only');
  if (!input.has('files')) ctx.warn('there are no files: they are known by what messages say of them');
  for await (const json of input.read('users', {}, ctx)) {
    for (const text of textsOf(json)) {
      const user = parseDocument(text.toString('utf8'));
      const id = idText(user['_id']);
      if (id === undefined) continue;
      users.set(id, librechatUserDocument(user));
      if (withUsers && conversationId === undefined && chats.add(encodeKey([id]), text, userTag)) await chats.spill();
    }
  }
}

function rejectMissing(conversationId: string, ofSome: boolean, ctx: StageContext): void {
  const whose = ofSome ? ' of the users asked for' : '';
  const cause = new EtlError('ETL_SOURCE_NOT_FOUND', `there is no conversation ${conversationId}${whose}`);
  readingContext(ctx).reject({ conversation: conversationId }, cause, { at: `conversation ${conversationId}` });
}

async function readConversations(join: Join, ctx: StageContext): Promise<void> {
  const { input, selection } = join;
  for await (const json of input.read('conversations', selection, ctx))
    await addChatDocuments(join, json, conversationTag);
}

async function readMessages(join: Join, ctx: StageContext): Promise<void> {
  const { input, selection, chats } = join;
  if (input.messages === undefined || selection.conversationId !== undefined) {
    for await (const json of input.read('messages', selection, ctx)) await addChatDocuments(join, json, messageTag);
    return;
  }
  const awaited = new AwaitedMessages(chats);
  for await (const { places, json, isWhole } of input.messages.keys(selection, ctx)) {
    await awaited.add(places.filter(({ userId, conversationId }) => isWanted(join, userId, conversationId)));
    await addChatDocuments(join, json, isWhole ? messageTag : awaitedTag);
  }
  await awaited.flush();
}

async function addChatDocuments(join: Join, json: JsonRecords, tag: number): Promise<void> {
  const { chats, uploads } = join;
  for (const text of textsOf(json)) {
    const { userId, conversationId, fileIds } = documentKeys(text, 0, text.length);
    if (!isWanted(join, userId, conversationId)) continue;
    join.isFound = true;
    const key = encodeKey([userId, conversationId]);
    if (chats.add(key, tag === awaitedTag ? oneMessage : text, tag)) await chats.spill();
    for (const id of fileIds) {
      join.fileIds?.add(id);
      if (uploads.add(encodeKey([id]), key, referenceTag)) await uploads.spill();
    }
  }
}

/** A count of one. */
const oneMessage = Buffer.of(1, 0, 0, 0);

async function readUploads(join: Join, ctx: StageContext): Promise<void> {
  const { input, selection, uploads } = join;
  for await (const json of input.read('files', { ...selection, fileIds: join.fileIds }, ctx)) {
    for (const text of textsOf(json)) {
      const id = fileIdOf(text, 0, text.length);
      if (id === undefined) continue;
      const key = encodeKey([id]);
      if (uploads.add(key, text, documentTag)) await uploads.spill();
      const { userId, conversationId } = documentKeys(text, 0, text.length);
      if (conversationId === null || !isWanted(join, userId, conversationId)) continue;
      if (uploads.add(key, encodeKey([userId, conversationId]), referenceTag)) await uploads.spill();
    }
  }
}

/** Puts each file's document into the chats that name it, or, when no chat does, to its owner. */
async function placeUploads({ uploads, chats, withUsers, selection }: Join): Promise<void> {
  const add = async (key: Uint8Array, text: Buffer): Promise<void> => {
    if (chats.add(key, text, fileTag)) await chats.spill();
  };
  for await (const { members } of uploads.groups()) {
    const documents = members.filter(({ tag }) => tag === documentTag);
    if (documents.length === 0) continue;
    const keys = new Map(
      members.filter(({ tag }) => tag === referenceTag).map(({ text }) => [text.toString('latin1'), text]),
    );
    for (const key of keys.values()) for (const { text } of documents) await add(key, text);
    if (keys.size > 0 || !withUsers || selection.conversationId !== undefined) continue;
    for (const { text } of documents) {
      const { userId } = documentKeys(text, 0, text.length);
      if (selection.userIds === undefined || selection.userIds.has(userId)) await add(encodeKey([userId]), text);
    }
  }
}

async function readRelated(join: Join, ctx: StageContext): Promise<void> {
  const { input, selection, chats } = join;
  for (const name of relatedToRead(join.include)) {
    const place = relatedNames.indexOf(name);
    const { owner } = relatedCollections[name];
    for await (const json of input.read(name, selection, ctx)) {
      for (const text of textsOf(json)) {
        const userId = documentIdOf(text, owner) ?? '';
        if (selection.userIds !== undefined && !selection.userIds.has(userId)) continue;
        if (chats.add(encodeKey([userId]), text, relatedTag + place)) await chats.spill();
      }
    }
  }
}

function* textsOf({ bytes, starts, ends, count }: JsonRecords): Generator<Buffer> {
  const buffer = asBuffer(bytes);
  for (let i = 0; i < count; i++) yield buffer.subarray(starts[i], ends[i]);
}
