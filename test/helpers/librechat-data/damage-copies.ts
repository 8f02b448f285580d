import type { Document } from 'bson';
import { linearChat, messageAt } from './chat-plan.ts';
import type { Chat, MessagePlan, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** The same message stored twice, alike but for `_id`. */
export const exactDuplicate: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  const twice = (position: number): void => {
    const plan = messageAt(chat, position);
    plan.finish = (document) => {
      const copy = { ...document, _id: world.objectId(chat.stored[position]?.timeMs ?? 0) };
      noteCopies(world, chat, 'duplicate-exact', plan, document, [copy]);
      return [document, copy];
    };
  };
  twice(0);
  twice(3);
  return [chat];
};

/** An abort and a retry under one id: the finished one is right though the unfinished was saved later. */
export const unfinishedDuplicate: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  const plan = messageAt(chat, 1);
  plan.finish = (document) => {
    const partial: Document = { ...changed(world, document, 9000), text: 'Half an answ', unfinished: true };
    delete partial.content;
    noteCopies(world, chat, 'duplicate-conflicting', plan, document, [partial]);
    return [partial, document];
  };
  return [chat];
};

/** Three finished versions under one id: the one updated last is right. */
export const editedDuplicate: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  const plan = messageAt(chat, 2);
  plan.finish = (document) => {
    const edited = { ...changed(world, document, 5000), text: `${document.text} (edited)` };
    const older = { ...changed(world, document, -1), text: 'an earlier version' };
    noteCopies(world, chat, 'duplicate-conflicting', plan, edited, [document, older]);
    return [document, edited, older];
  };
  return [chat];
};

/** Second of two answers with the first one's text (older), and lost altogether (newer). */
export const parallelLost: Scenario = (world, owner) => {
  const older = linearChat(world, owner, 1, { era: 'classic' });
  const text = world.text.prose(80);
  const second: MessagePlan = {
    messageId: world.random.uuid(),
    parentId: messageAt(older, 0).messageId,
    isUser: false,
    set: { text },
  };
  messageAt(older, 1).set = { text };
  older.messages.push(second);
  world.record.damage('parallel-same-text', {
    user: owner.hex,
    conversationId: older.conversationId,
    messageId: second.messageId,
  });

  const newer = linearChat(world, owner, 1, { era: 'current' });
  const agentId = 'openAI__gpt-4o___GPT-4o';
  const content = [{ type: 'text', text: world.text.prose(80), groupId: 1, agentId }];
  messageAt(newer, 1).set = { addedConvo: true, text: '', content };
  world.record.damage('parallel-answer-lost', {
    user: owner.hex,
    conversationId: newer.conversationId,
    messageId: messageAt(newer, 1).messageId,
  });
  return [older, newer];
};

function changed(world: World, document: Document, updatedByMs: number): Document {
  const updatedAt = document.updatedAt as Date; // every message of these chats has its times
  return {
    ...document,
    _id: world.objectId(updatedAt.getTime()),
    updatedAt: new Date(updatedAt.getTime() + updatedByMs),
  };
}

/** One case for each document that goes. */
function noteCopies(
  world: World,
  chat: Chat,
  kind: string,
  plan: MessagePlan,
  keep: Document,
  drop: readonly Document[],
): void {
  for (const document of drop) {
    const expect = { keep: String(keep._id), drop: String(document._id) };
    world.record.damage(kind, {
      user: chat.owner.hex,
      conversationId: chat.conversationId,
      messageId: plan.messageId,
      expect,
    });
  }
}
