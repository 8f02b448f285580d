import type { Document } from 'bson';
import { conversationDocument } from './conversation-document.ts';
import { messageDocument } from './message-document.ts';
import type { Chat, GeneratedRecord, World } from './types.ts';

/** Writes the next message of a chat, with the files and records that come with it. */
export function* writeNextMessage(world: World, chat: Chat): Generator<GeneratedRecord> {
  const plan = chat.messages[chat.next];
  if (plan === undefined) return;
  const timeMs = chat.atOnce ? world.clock.tick(1, 20) : world.clock.tick(1, world.paceMs);
  if (plan.attach !== undefined) {
    const { set, records } = plan.attach(chat, timeMs);
    plan.set = { ...plan.set, ...set };
    yield* records;
  }
  const id = world.objectId(timeMs);
  chat.stored.push({ id, timeMs });
  const document = messageDocument(world, chat, plan, id, timeMs);
  for (const stored of plan.finish?.(document, chat) ?? [document]) yield { collection: 'messages', document: stored };
  chat.next++;
  if (!chat.isPlain && !plan.isUser) yield* sideRecords(world, chat, plan.messageId, timeMs);
}

/** Writes what is left of a chat's messages and then the conversation. */
export function* writeRest(world: World, chat: Chat): Generator<GeneratedRecord> {
  while (chat.next < chat.messages.length) yield* writeNextMessage(world, chat);
  const document = conversationDocument(world, chat);
  const stored = chat.finish?.(document, chat) ?? [document];
  for (const conversation of stored) yield { collection: 'conversations', document: conversation };
  if (chat.isPlain || !world.random.chance(0.03)) return;
  yield { collection: 'sharedlinks', document: sharedLink(world, chat, document) };
}

/** A public link to a chat; its id is a bearer secret. */
export function sharedLink(world: World, chat: Chat, conversation: Document): Document {
  const date = new Date(world.clock.now());
  const link = {
    conversationId: chat.conversationId,
    title: conversation.title,
    user: chat.owner.hex,
    messages: chat.stored.map(({ id }) => id),
  };
  const shareId = world.record.secret('sharedlinks.shareId', world.random.letters(14));
  return {
    _id: world.objectId(world.clock.now()),
    ...link,
    shareId,
    targetMessageId: chat.messages.at(-1)?.messageId ?? null,
    createdAt: date,
    updatedAt: date,
    __v: 0,
  };
}

/** Costs of some answers and runs of code blocks from the user interface. */
function* sideRecords(world: World, chat: Chat, messageId: string, timeMs: number): Generator<GeneratedRecord> {
  const { random, objectId } = world;
  const date = new Date(timeMs);
  const common = { user: chat.owner.id, conversationId: chat.conversationId, messageId };
  if (random.chance(0.1)) {
    const rawAmount = -random.int(1, 4000);
    const cost = {
      tokenType: 'completion',
      model: chat.model,
      context: 'message',
      valueKey: '8k',
      rate: 1.5,
      rawAmount,
      tokenValue: rawAmount * 1.5,
    };
    yield {
      collection: 'transactions',
      document: { _id: objectId(timeMs), ...common, ...cost, createdAt: date, updatedAt: date, __v: 0 },
    };
  }
  if (random.chance(0.01)) yield { collection: 'toolcalls', document: toolCallRecord(world, chat, messageId, timeMs) };
}

/** A code block that was run in the browser. */
export function toolCallRecord(world: World, chat: Chat, messageId: string, timeMs: number): Document {
  const date = new Date(timeMs);
  const result = { stdout: world.text.toolOutput(120), exitCode: 0 };
  const keys = { conversationId: chat.conversationId, messageId, toolId: 'execute_code', user: chat.owner.id };
  return {
    _id: world.objectId(timeMs),
    ...keys,
    result,
    attachments: [],
    blockIndex: 0,
    partIndex: 1,
    createdAt: date,
    updatedAt: date,
    __v: 0,
  };
}
