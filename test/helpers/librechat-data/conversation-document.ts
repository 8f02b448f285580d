import type { Document } from 'bson';
import { inStoredOrder } from './message-document.ts';
import { TAGS } from './personal-records.ts';
import type { Chat, World } from './types.ts';

const CLASSIC_ORDER = [
  '_id',
  'conversationId',
  '__v',
  '_meiliIndex',
  'createdAt',
  'endpoint',
  'messages',
  'model',
  'title',
  'updatedAt',
  'user',
];

/** Builds the conversation as its last save left it. */
export function conversationDocument(world: World, chat: Chat): Document {
  const isNew = chat.era === 'current';
  const fields: Document = {
    _id: world.objectId(chat.openedMs),
    conversationId: chat.conversationId,
    user: chat.owner.hex,
    __v: 0,
    _meiliIndex: true,
    title: world.random.chance(0.03) ? 'New Chat' : world.text.title(),
    endpoint: chat.endpoint,
    ...(chat.endpoint === 'OpenRouter' ? { endpointType: 'custom' } : {}),
    ...(chat.agentId === undefined ? { model: chat.model } : { agent_id: chat.agentId, model: chat.model }),
    messages: chat.stored.map(({ id }) => id),
    createdAt: new Date(chat.openedMs),
    updatedAt: new Date(chat.stored.at(-1)?.timeMs ?? chat.openedMs),
    ...(chat.fileIds.length > 0 ? { files: [...new Set(chat.fileIds)] } : {}),
    ...(chat.era === 'classic'
      ? { presence_penalty: 0, frequency_penalty: 0, temperature: 0.7, top_p: 1, resendImages: false }
      : {}),
    ...(chat.era === 'agents' || isNew ? { tags: [], isArchived: false, expiredAt: null, resendFiles: true } : {}),
    ...(isNew ? { isTemporary: false, chatProjectId: null, pinned: false } : {}),
    ...(chat.era === 'agents' ? { maxContextTokens: 128_000, temperature: 1 } : {}),
  };
  if (!chat.isPlain) Object.assign(fields, extras(world, chat));
  Object.assign(fields, chat.set);
  return inStoredOrder(chat.era, fields, CLASSIC_ORDER);
}

/** Far enough ahead that no server's TTL monitor takes the chat away during a test. */
export const FAR_EXPIRY = new Date('2099-01-01T00:00:00.000Z');

function extras(world: World, chat: Chat): Document {
  const { random } = world;
  if (chat.era === 'classic' || chat.era === 'imported') return {};
  const fields: Document = {};
  if (random.chance(0.06)) {
    fields.isArchived = true;
    if (chat.era === 'current') fields.archivedAt = new Date(world.clock.now());
  }
  if (random.chance(0.08)) {
    const tag = random.pick(TAGS);
    fields.tags = [tag];
    chat.owner.tagCounts[tag] = (chat.owner.tagCounts[tag] ?? 0) + 1;
  }
  if (chat.era !== 'current') return fields;
  if (random.chance(0.05)) {
    fields.pinned = true;
  }
  if (random.chance(0.1)) {
    fields.chatProjectId = chat.owner.projectId.toHexString();
    chat.owner.projectChats++;
  }
  return fields;
}
