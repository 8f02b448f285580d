import { FAR_EXPIRY } from './conversation-document.ts';
import { attachFiles, randomKinds } from './files.ts';
import type { Chat, Era, MessagePlan, Owner, World } from './types.ts';

/** What LibreChat writes as the parent of a first message. */
export const NO_PARENT = '00000000-0000-0000-0000-000000000000';

const CLASSIC_END = Date.UTC(2024, 9, 1);
const AGENTS_END = Date.UTC(2026, 2, 1);
const ENDPOINTS = {
  classic: [
    ['openAI', 'gpt-4-turbo'],
    ['anthropic', 'claude-2.1'],
    ['gptPlugins', 'gpt-4'],
    ['OpenRouter', 'mistral/large'],
  ],
  agents: [
    ['agents', 'gpt-4o'],
    ['openAI', 'gpt-4o'],
    ['anthropic', 'claude-sonnet-4'],
    ['OpenRouter', 'qwen/qwen3'],
  ],
  current: [
    ['agents', 'gpt-5'],
    ['openAI', 'gpt-5'],
    ['anthropic', 'claude-opus-4-5'],
    ['google', 'gemini-3-pro'],
  ],
  imported: [
    ['openAI', 'gpt-4o'],
    ['anthropic', 'claude-sonnet-4'],
  ],
} as const;

/** Opens a chat without messages; its era follows the simulated time unless told. */
export function openChat(
  world: World,
  owner: Owner,
  { era, isPlain = true }: { era?: Era; isPlain?: boolean } = {},
): Chat {
  const openedMs = world.clock.tick(1, 500);
  const chosen = era ?? (openedMs < CLASSIC_END ? 'classic' : openedMs < AGENTS_END ? 'agents' : 'current');
  const [endpoint, model] = world.random.pick<readonly [string, string]>(ENDPOINTS[chosen]);
  return {
    owner,
    era: chosen,
    endpoint,
    model,
    agentId: endpoint === 'agents' ? owner.agentId : undefined,
    conversationId: world.random.uuid(),
    messages: [],
    isPlain,
    atOnce: false,
    set: {},
    next: 0,
    stored: [],
    fileIds: [],
    openedMs,
  };
}

/** Adds a message under `parent` (a position, or a parent id as stored) and returns its position. */
export function addMessage(
  world: World,
  chat: Chat,
  parent: number | string | null | undefined,
  isUser: boolean,
  set: MessagePlan['set'] = {},
): number {
  const parentId = typeof parent === 'number' ? messageAt(chat, parent).messageId : parent;
  return chat.messages.push({ messageId: world.random.uuid(), parentId, isUser, set }) - 1;
}

/** The plan at a position that must exist. */
export function messageAt(chat: Chat, position: number): MessagePlan {
  const plan = chat.messages[position];
  if (plan === undefined) throw new RangeError(`no message at ${position}`);
  return plan;
}

/** A chat without branches: question, answer, question, answer. Positions are in time order. */
export function linearChat(
  world: World,
  owner: Owner,
  turns: number,
  options: { era?: Era; isPlain?: boolean } = {},
): Chat {
  const chat = openChat(world, owner, options);
  let parent: number | string = NO_PARENT;
  for (let turn = 0; turn < turns; turn++)
    parent = addMessage(world, chat, addMessage(world, chat, parent, true), false);
  return chat;
}

/** A chat as production has them: 1 to 400 turns, 11 % branched, some with files, some temporary. */
export function ordinaryChat(world: World, owner: Owner): Chat {
  const { random, options } = world;
  const chat = linearChat(world, owner, random.logNormal(Math.exp(0.9), 1, options.maxTurns), { isPlain: false });
  if (random.chance(0.11)) addBranches(world, chat, random.int(1, 4));
  for (const plan of chat.messages) {
    if (plan.isUser && random.chance(0.06))
      plan.attach = (_, timeMs) => attachFiles(world, chat, randomKinds(world), timeMs, plan.messageId);
  }
  if (chat.era !== 'classic' && random.chance(0.04)) makeTemporary(chat, FAR_EXPIRY, chat.era === 'current');
  return chat;
}

/** Regenerated answers (70 %) and edited questions with their answers, at random places. */
function addBranches(world: World, chat: Chat, count: number): void {
  const { random } = world;
  const questions = chat.messages.flatMap((plan, position) => (plan.isUser ? [position] : []));
  for (let i = 0; i < count; i++) {
    const question = random.pick(questions);
    if (random.chance(0.7)) addMessage(world, chat, question, false);
    else addMessage(world, chat, addMessage(world, chat, messageAt(chat, question).parentId, true), false);
  }
}

/** Marks a chat and its messages as temporary; before 2026 only the date told. */
function makeTemporary(chat: Chat, expiredAt: Date, hasFlag: boolean): void {
  const flag = hasFlag ? { isTemporary: true } : {};
  Object.assign(chat.set, { expiredAt, ...flag });
  for (const plan of chat.messages) plan.set = { ...plan.set, expiredAt, ...flag };
}
