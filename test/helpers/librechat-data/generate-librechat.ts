import { createClock, createObjectIds } from './clock.ts';
import { linearChat, NO_PARENT, ordinaryChat } from './chat-plan.ts';
import { createRecorder, type Manifest } from './manifest.ts';
import { personalRecords } from './personal-records.ts';
import { createRandom, type Random } from './random.ts';
import { DAMAGE, scheduleScenarios, SHOWCASES } from './scenarios.ts';
import { createTextMaker } from './text-maker.ts';
import type { Chat, GeneratedRecord, GenerateOptions, Owner, ResolvedOptions, World } from './types.ts';
import { emailOf, userRecords } from './users.ts';
import { writeNextMessage, writeRest } from './write-chat.ts';

const START_MS = Date.UTC(2023, 6, 1);
const END_MS = Date.UTC(2026, 9, 31);
/** Chats written at the same time: their messages interleave. */
const OPEN_CHATS = 32;

export interface LibrechatData {
  /** Documents and files in insertion order; can be taken once. */
  readonly records: Iterable<GeneratedRecord>;
  /** Filled while records are taken; complete at their end. */
  readonly manifest: Manifest;
}

/**
 * Generates a LibreChat database as MongoDB holds it, with its upload files, from a seed.
 *
 * Records come one by one and are not kept: about 32 chats are in memory at a time, whatever the size. Sizes,
 * branches, files and tools follow the proportions seen in production; collections, fields, their order and types
 * follow LibreChat 0.7 to 0.8. `damage` needs at least 4 users and 38 conversations.
 *
 * @throws {RangeError} when the options leave no room for what must be planted.
 */
export function generateLibrechat(input: GenerateOptions): LibrechatData {
  const world = createWorld(input);
  return { records: recordsOf(world), manifest: world.record.manifest };
}

/** The parts all chats share: also for chats made by hand. */
export function createWorld(input: GenerateOptions): World {
  const damage = input.damage ?? false;
  const defaults = { users: 40, damage, exotic: damage, binaries: true, textScale: 1, maxTurns: 400 };
  const options: ResolvedOptions = { ...defaults, ...input };
  if (options.users < (damage ? 4 : 1))
    throw new RangeError(`expected at least ${damage ? 4 : 1} users, received ${options.users}`);
  const random = createRandom(options.seed);
  const clock = createClock(START_MS, random);
  const objectId = createObjectIds(random);
  const owner = (email: string): Owner => {
    const id = objectId(clock.tick(1000, 60_000));
    return {
      id,
      hex: id.toHexString(),
      email,
      agentId: `agent_${random.letters(21)}`,
      projectId: objectId(clock.now()),
      tagCounts: {},
      projectChats: 0,
    };
  };
  return {
    random,
    clock,
    objectId,
    text: createTextMaker(random),
    record: createRecorder(options),
    owners: Array.from({ length: options.users }, (_, index) => owner(emailOf(index, damage))),
    deletedOwner: owner('deleted@example.org'),
    // Messages take at most a third of the time there is: 8.5 a chat, half the pace each.
    paceMs: Math.max(2, Math.min(45_000, Math.floor((END_MS - START_MS) / 3 / (options.conversations * 4.25)))),
    options,
  };
}

function* recordsOf(world: World): Generator<GeneratedRecord> {
  const { options, record } = world;
  if (options.damage) record.owner(world.deletedOwner.hex, world.deletedOwner.email, true);
  for (const one of everything(world)) {
    if ('document' in one) record.document(one.collection, one.document);
    else if (!options.binaries) continue;
    else record.binary(one.bytes.length);
    yield one;
  }
}

function* everything(world: World): Generator<GeneratedRecord> {
  const { owners, options } = world;
  for (const [index, owner] of owners.entries()) yield* userRecords(world, owner, index);
  yield* interleaved(world, plannedChats(world), Math.min(OPEN_CHATS, Math.max(2, options.conversations >> 3)));
  for (const [index, owner] of owners.entries()) yield* personalRecords(world, owner, index);
  if (options.damage) yield* personalRecords(world, world.deletedOwner, 0);
}

/** Writes a message of one open chat, then of another. */
function* interleaved(world: World, chats: Iterable<Chat>, openChats: number): Generator<GeneratedRecord> {
  const open: Chat[] = [];
  const writeOne = function* (): Generator<GeneratedRecord> {
    const at = world.random.int(0, open.length - 1);
    const chat = open[at] as Chat; // in range
    yield* writeNextMessage(world, chat);
    if (chat.next < chat.messages.length) return;
    yield* writeRest(world, chat);
    const last = open.pop();
    if (last !== undefined && last !== chat) open[at] = last;
  };
  for (const chat of chats) {
    if (chat.atOnce) yield* writeRest(world, chat);
    else open.push(chat);
    while (open.length > openChats) yield* writeOne();
  }
  while (open.length > 0) yield* writeOne();
}

function* plannedChats(world: World): Generator<Chat> {
  const { options, owners, clock, random } = world;
  const { conversations } = options;
  const showcaseAt = options.damage
    ? scheduleScenarios([...SHOWCASES, ...DAMAGE], conversations)
    : scheduleScenarios(SHOWCASES, conversations);
  const isDamage = new Set(DAMAGE);
  const pickOwner = weightedOwner(owners, random);
  const stepMs = Math.floor((0.66 * (END_MS - START_MS)) / conversations);
  const bigCount = options.big?.count ?? 0;
  let bigLeft = bigCount;
  for (let place = 0; place < conversations; place++) {
    clock.tick(stepMs >> 1, stepMs + (stepMs >> 1));
    const owner = owners[place] ?? pickOwner(); // everybody has a chat before some have many
    const scenario = showcaseAt(place);
    const chats = scenario?.(world, owner) ?? [ordinaryChat(world, owner)];
    const bigDue = Math.floor(((place + 1) * bigCount) / conversations) - (bigCount - bigLeft);
    if (scenario === undefined && bigDue > 0) bigLeft -= addBig(world, chats[0] as Chat, bigDue); // an ordinary chat is one chat
    if (scenario === undefined || !isDamage.has(scenario)) for (const chat of chats) countTree(world, chat);
    yield* chats;
  }
  if (bigLeft === 0) return;
  const rest = linearChat(world, pickOwner(), bigLeft, { era: 'current' });
  addBig(world, rest, bigLeft);
  yield rest;
}

/** Makes up to `count` answers of a chat big; returns how many. */
function addBig(world: World, chat: Chat, count: number): number {
  const answers = chat.messages.filter(({ isUser }) => !isUser).slice(0, count);
  for (const plan of answers) plan.bigBytes = world.options.big?.bytes ?? 0;
  world.record.feature('message:big', answers.length);
  return answers.length;
}

/** Branch points (roots count as one) of chats that are sound. */
function countTree(world: World, chat: Chat): void {
  const children = new Map<string, number>();
  for (const { parentId } of chat.messages) children.set(String(parentId), (children.get(String(parentId)) ?? 0) + 1);
  const roots = children.get(NO_PARENT) ?? 0;
  const branchPoints = [...children.values()].filter((count) => count > 1).length - (roots > 1 ? 1 : 0);
  if (branchPoints > 0) world.record.feature('tree:branch-point', branchPoints);
  if (roots > 1) world.record.feature('tree:several-roots');
  if (branchPoints > 0 || roots > 1) world.record.feature('tree:branched-chat');
}

/** A few owners have most of the chats (log-normal, sigma 1.3). */
function weightedOwner(owners: readonly Owner[], random: Random): () => Owner {
  let total = 0;
  const limits = owners.map(() => (total += random.logNormal(1000, 1.3, 1_000_000)));
  return () => {
    const at = random.next() * total;
    let low = 0;
    let high = limits.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at < (limits[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    return owners[low] as Owner; // in range: the last limit is the total
  };
}
