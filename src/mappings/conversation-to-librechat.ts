import type { Json } from '../json.ts';
import type { Conversation, Owner } from '../models/conversation.ts';
import { fileDocuments, hasDocument } from './conversation-to-librechat-files.ts';
import { conversationIdOf, dateOf, isFiner, objectId } from './conversation-to-librechat-ids.ts';
import type { Fields } from './conversation-to-librechat-marks.ts';
import { messageToLibrechat } from './conversation-to-librechat-message.ts';
import type { Loss } from './loss.ts';

/** Documents of LibreChat's collections, as relaxed Extended JSON: what `mongoimport` takes line by line. */
export interface LibrechatDocuments {
  readonly users: readonly Fields[];
  readonly files: readonly Fields[];
  readonly messages: readonly Fields[];
  readonly conversations: readonly Fields[];
}

/** Members that the mended conversation has settled otherwise than the source had them. */
const settled = ['conversationId', 'user', 'messages', '_id'];

/**
 * A conversation as LibreChat's documents, and what they do not hold of it.
 *
 * Of a conversation that came from a LibreChat it makes the documents again, mended: the tree as it was repaired, without what
 * gave way. Ids that LibreChat would not take (conversations need UUIDs, users ObjectIds) are made of those there are, the
 * same every time, so that loading twice changes nothing. Roles that LibreChat has no word for become answers.
 *
 * @see LibreChat 0.8 `packages/data-schemas/src/schema/{convo,message,file}.ts` for the fields and their types
 */
export function conversationToLibrechat(conversation: Conversation): {
  readonly documents: LibrechatDocuments;
  readonly losses: readonly Loss[];
} {
  const losses: Loss[] = [];
  const lose = (kind: string, detail: string): void => void losses.push({ kind, detail });
  const { owner, key, files, source } = conversation;
  const user = objectId(owner.id, { time: null, name: `${source.system} ${owner.id}` }) as { readonly $oid: string };
  if (user.$oid !== owner.id) lose('id', 'the owner’s id');
  const conversationId = conversationIdOf(conversation.id, key);
  if (conversationId !== conversation.id) lose('id', 'the conversation’s id');
  const known = new Map(files.map((file) => [file.id, file]));
  const messages = conversation.messages.map((message, place) =>
    messageToLibrechat(message, {
      conversationId,
      userId: user.$oid,
      key,
      place,
      fileOf: (id) => known.get(id),
      lose,
    }),
  );
  return {
    documents: {
      users: owner.email === undefined ? [] : [userDocument(owner, user)],
      files: fileDocuments(conversation, losses),
      messages,
      conversations: [conversationDocument(conversation, { conversationId, user: user.$oid, messages, lose })],
    },
    losses,
  };
}

function userDocument({ email, name, username, directoryId }: Owner, user: Json): Fields {
  return {
    _id: user,
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...(username !== undefined && { username }),
    ...(directoryId !== undefined && { idOnTheSource: directoryId }),
  };
}

interface Settled {
  readonly conversationId: string;
  readonly user: string;
  readonly messages: readonly Fields[];
  readonly lose: (kind: string, detail: string) => void;
}

function conversationDocument(conversation: Conversation, { conversationId, user, messages, lose }: Settled): Fields {
  const { title, createdAt, updatedAt, archived, archivedAt, pinned, temporary, expiresAt, tags } = conversation;
  const { project, settings, files, tree, branch, source, key } = conversation;
  const extra: Record<string, Json> = { ...source.extra };
  for (const field of settled) {
    if (!(field in extra)) continue;
    lose('repaired', `conversations.${field}`);
    delete extra[field];
  }
  if (source.orphan === true) lose('repaired', 'messages without a conversation, which is made');
  if (source.dropped !== undefined) lose('dropped', 'versions that gave way to another one');
  if (tree.repairs.length > 0 || tree.missingParentIds.length > 0) lose('repaired', 'the tree, which stays mended');
  if (branch !== undefined) lose('field', 'branch');
  if (project?.name !== undefined) lose('field', 'project.name');
  if (settings.agent !== undefined) lose('field', 'settings.agent');
  if ([createdAt, updatedAt, archivedAt, expiresAt].some(isFiner)) lose('time', 'conversations: microseconds');
  const times = { createdAt, updatedAt, archivedAt };
  const dates = Object.fromEntries(
    Object.entries(times)
      .map(([name, time]) => [name, dateOf(time)] as const)
      .filter((entry): entry is readonly [string, Json] => entry[1] !== undefined),
  );
  const { endpoint, model, agentId, systemPrompt, parameters } = settings;
  return {
    _id: objectId(source.recordId, { time: createdAt, name: key }),
    conversationId,
    user,
    title,
    messages: messages.map(({ _id }) => _id ?? null),
    // Files that only the conversation names, or that name it; those without an id of their own are made again by messages.
    files: files.filter((file) => hasDocument(file) || file.fromMessage !== true).map(({ id }) => id),
    tags,
    isArchived: archived,
    isTemporary: temporary,
    expiredAt: dateOf(expiresAt) ?? null,
    ...(pinned && { pinned }),
    chatProjectId: project?.id ?? null,
    endpoint: endpoint ?? null,
    ...(model !== undefined && { model }),
    ...(agentId !== undefined && { agent_id: agentId }),
    ...(systemPrompt !== undefined && { promptPrefix: systemPrompt }),
    ...parameters,
    ...dates,
    _meiliIndex: false,
    __v: 0,
    ...extra,
  };
}
