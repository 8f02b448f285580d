import type { Document } from 'bson';
import { addMessage, linearChat, messageAt } from './chat-plan.ts';
import { note } from './damage-tree.ts';
import type { Chat, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** An import of before late 2025: no times on any message, order only in `_id`. */
export const createdAtAbsent: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3, { era: 'imported' });
  chat.atOnce = true;
  addMessage(world, chat, 2, false); // a second answer: without times only `_id` tells which came last
  chat.messages.forEach((plan, position) => {
    plan.set = { createdAt: undefined, updatedAt: undefined, isUserSubmitted: true };
    note(world, chat, 'created-at-absent', position);
  });
  return [chat];
};

/** Children dated before their parent and at the same instant. */
export const timeInversion: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  const dated = (position: number, offsetMs: number): void => {
    messageAt(chat, position).finish = (document, { stored }) => [
      { ...document, createdAt: new Date((stored[position - 1]?.timeMs ?? 0) + offsetMs) },
    ];
  };
  dated(2, -5000);
  note(world, chat, 'time-before-parent', 2);
  dated(5, 0);
  note(world, chat, 'time-equals-parent', 5);
  return [chat];
};

/** Every message of the chat has the same time, two answers to one question included. */
export const equalTimes: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  addMessage(world, chat, 2, false);
  chat.messages.forEach((plan, position) => {
    plan.finish = (document) => [{ ...document, createdAt: new Date(chat.openedMs) }];
    if (position > 0) note(world, chat, 'time-equals-parent', position);
  });
  return [chat];
};

/** A chat that is past its date and not yet swept, one kept for a while by policy, and temporary ones of two eras. */
export const expiries: Scenario = (world, owner) => {
  const past = new Date('2024-05-01T00:00:00.000Z');
  const ahead = new Date('2099-06-01T00:00:00.000Z');
  const make = (kind: string, era: 'agents' | 'current', fields: Document): Chat => {
    const chat = linearChat(world, owner, 1, { era });
    chat.set = fields;
    for (const plan of chat.messages) plan.set = fields;
    world.record.damage(kind, { user: owner.hex, conversationId: chat.conversationId });
    return chat;
  };
  return [
    make('temporary-chat', 'current', { isTemporary: true, expiredAt: ahead }),
    make('temporary-chat-old', 'agents', { expiredAt: ahead }),
    make('expired-chat', 'current', { isTemporary: true, expiredAt: past }),
    make('retention-all-chat', 'current', { isTemporary: false, expiredAt: ahead }),
  ];
};
