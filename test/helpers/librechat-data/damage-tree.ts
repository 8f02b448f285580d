import type { Document } from 'bson';
import { addMessage, linearChat, messageAt, NO_PARENT, openChat } from './chat-plan.ts';
import type { Chat, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** Replies sent before the answer was stored name `<id>_`, which nothing has. */
export const parentUnderscore: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3, { era: 'current' });
  const answer = messageAt(chat, 1).messageId;
  messageAt(chat, 2).parentId = `${answer}_`;
  note(world, chat, 'parent-trailing-underscore', 2, { parent: answer });
  return [chat];
};

/** Message ids that end in 1, 40 and 130 underscores; children name them in full. Nothing to repair. */
export const idUnderscores: Scenario = (world, owner) => {
  const chat = openChat(world, owner, { era: 'agents' });
  let parent: string = NO_PARENT;
  for (const count of [1, 40, 130]) {
    const question = messageAt(chat, addMessage(world, chat, parent, true)).messageId;
    const messageId = question + '_'.repeat(count);
    chat.messages.push({ messageId, parentId: question, isUser: false });
    note(world, chat, 'id-trailing-underscores', chat.messages.length - 1, { parent: question, underscores: count });
    parent = messageId;
  }
  return [chat];
};

/** A parent that is nowhere: the nearest earlier message of the other role takes its place. */
export const missingParent: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  messageAt(chat, 3).parentId = world.random.uuid();
  note(world, chat, 'missing-parent', 3, { parent: messageAt(chat, 2).messageId });
  return [chat];
};

/** An import that dropped system nodes: the first message's parent is nowhere and nothing is earlier. */
export const forest: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 4);
  messageAt(chat, 0).parentId = world.random.uuid();
  note(world, chat, 'missing-parent', 0, { parent: null });
  messageAt(chat, 4).parentId = world.random.uuid();
  note(world, chat, 'missing-parent', 4, { parent: messageAt(chat, 3).messageId });
  return [chat];
};

/** A message that is its own parent. */
export const selfParent: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  messageAt(chat, 2).parentId = messageAt(chat, 2).messageId;
  note(world, chat, 'self-parent', 2, { parent: null });
  return [chat];
};

/** Two messages that name each other, with a tail hanging on them. */
export const mutualCycle: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  messageAt(chat, 2).parentId = messageAt(chat, 3).messageId;
  note(world, chat, 'parent-cycle', 2, { parent: null, length: 2 });
  return [chat];
};

/** A chat that is nothing but a cycle of four. */
export const pureCycle: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  messageAt(chat, 0).parentId = messageAt(chat, 3).messageId;
  note(world, chat, 'parent-cycle', 0, { parent: null, length: 4 });
  return [chat];
};

/** Three first messages; only the last root is shown. Noted on the second and third. */
export const severalRoots: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 1);
  for (let root = 0; root < 2; root++) {
    const question = addMessage(world, chat, NO_PARENT, true);
    addMessage(world, chat, question, false);
    note(world, chat, 'several-roots', question, { parent: null });
  }
  return [chat];
};

/** Every way a first message has said that it has no parent. */
export const rootForms: Scenario = (world, owner) => {
  const forms: readonly [string, string | null | undefined][] = [
    ['root-parent-null', null],
    ['root-parent-empty', ''],
    ['root-parent-absent', undefined],
    ['root-parent-claude', '00000000-0000-4000-8000-000000000000'],
  ];
  return forms.map(([kind, parentId]) => {
    const chat = linearChat(world, owner, 1);
    messageAt(chat, 0).parentId = parentId;
    note(world, chat, kind, 0, { parent: null });
    return chat;
  });
};

/** Notes a case on the message at a position. */
export function note(world: World, chat: Chat, kind: string, position: number, expect: Document = {}): void {
  const { messageId } = messageAt(chat, position);
  world.record.damage(kind, { user: chat.owner.hex, conversationId: chat.conversationId, messageId, expect });
}
