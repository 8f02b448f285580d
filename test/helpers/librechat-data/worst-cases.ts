import { addMessage, NO_PARENT, openChat } from './chat-plan.ts';
import { createWorld } from './generate-librechat.ts';
import type { Chat, GeneratedRecord, World } from './types.ts';
import { writeRest } from './write-chat.ts';

/** One chat in which every message answers the one before: 20,000 deep unless told. */
export function chainChat({ messages = 20_000, seed = 1 } = {}): Generator<GeneratedRecord> {
  return oneChat(seed, (world, chat) => {
    let parent: number | string = NO_PARENT;
    for (let i = 0; i < messages; i++) parent = addMessage(world, chat, parent, i % 2 === 0, short(i));
  });
}

/** One chat with a question and very many answers to it, 5,000 unless told. */
export function siblingsChat({ siblings = 5000, seed = 1 } = {}): Generator<GeneratedRecord> {
  return oneChat(seed, (world, chat) => {
    const question = addMessage(world, chat, NO_PARENT, true, short(0));
    for (let i = 1; i <= siblings; i++) addMessage(world, chat, question, false, short(i));
  });
}

/** One chat of a question and an answer of about `bytes` bytes of BSON, 15 MB unless told (16,777,216 is MongoDB's limit). */
export function giantChat({ bytes = 15_000_000, seed = 1 } = {}): Generator<GeneratedRecord> {
  return oneChat(seed, (world, chat) => {
    const question = addMessage(world, chat, NO_PARENT, true);
    addMessage(world, chat, question, false);
    for (const plan of chat.messages) if (!plan.isUser) plan.bigBytes = bytes;
  });
}

function* oneChat(seed: number, fill: (world: World, chat: Chat) => void): Generator<GeneratedRecord> {
  const world = createWorld({ seed, conversations: 1, users: 1 });
  const [owner] = world.owners;
  if (owner === undefined) throw new Error('a world of one user has none');
  yield {
    collection: 'users',
    document: {
      _id: owner.id,
      name: 'Worst Case',
      email: owner.email,
      provider: 'local',
      emailVerified: true,
      role: 'USER',
    },
  };
  const chat = openChat(world, owner, { era: 'current' });
  chat.atOnce = true;
  fill(world, chat);
  yield* writeRest(world, chat);
}

function short(i: number) {
  return { text: `message ${i}`, content: undefined };
}
