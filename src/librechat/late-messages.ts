import { asBuffer } from '../formats/json-records.ts';
import { fieldOf } from '../mongodb/bson-documents.ts';
import { readAhead } from '../mongodb/read-ahead.ts';
import type { StageContext } from '../stage.ts';
import { documentKeys } from './document-keys.ts';
import type { AwaitedChats, JoinedChats, JoinedUser, RejectedDocument } from './joined.ts';
import type { FoundMessages, MessagesByConversation } from './librechat-input.ts';

const queryBytes = 500_000;
const aheadBytes = 500_000;
const firstQuery = 200;
const mostMessages = 5000;
const mostConversations = 300;

type Read = JoinedUser | JoinedChats;

/**
 * Brings the messages to chats that wait for them, in the order of the chats: those of some chats with one query, about a
 * megabyte of them, while the ones before are worked on.
 */
export async function* withMessages(
  groups: AsyncIterable<JoinedUser | AwaitedChats>,
  messages: MessagesByConversation,
  ctx: StageContext,
): AsyncGenerator<Read> {
  async function* read(signal: AbortSignal): AsyncGenerator<readonly Read[]> {
    let inQuery = firstQuery;
    let some: (JoinedUser | AwaitedChats)[] = [];
    let awaited = 0;
    for await (const one of groups) {
      some.push(one);
      if (one.kind === 'chats') awaited += one.awaited;
      if (awaited < inQuery && some.length < mostConversations) continue;
      const filled = await fill(some, awaited, messages, ctx, signal);
      yield filled;
      const bytes = sizeOf(filled);
      if (bytes > 0) inQuery = Math.max(1, Math.min(mostMessages, Math.round((queryBytes / bytes) * awaited)));
      some = [];
      awaited = 0;
    }
    if (some.length > 0) yield await fill(some, awaited, messages, ctx, signal);
  }
  for await (const some of readAhead(read, { signal: ctx.signal, maxBytes: aheadBytes, sizeOf })) yield* some;
}

function sizeOf(some: readonly Read[]): number {
  let sum = 0;
  for (const { bytes } of some) sum += bytes;
  return sum;
}

/** A chat with the messages that have been found for it so far. */
interface Filling {
  readonly chats: AwaitedChats;
  readonly messages: Buffer[];
  readonly rejected: RejectedDocument[];
}

async function fill(
  some: readonly (JoinedUser | AwaitedChats)[],
  awaited: number,
  messages: MessagesByConversation,
  ctx: StageContext,
  signal: AbortSignal,
): Promise<Read[]> {
  const fillings = some.map(filling);
  const byId = new Map<string, Filling[]>();
  for (const one of fillings) {
    if (!('chats' in one) || one.chats.awaited === 0 || one.chats.conversationId === null) continue;
    const known = byId.get(one.chats.conversationId);
    if (known === undefined) byId.set(one.chats.conversationId, [one]);
    else known.push(one);
  }
  const releases: (() => void)[] = [];
  if (byId.size > 0) {
    for await (const found of messages.of([...byId.keys()], awaited, ctx, signal)) {
      place(found, byId);
      if (found.release !== undefined) releases.push(found.release);
    }
  }
  const all = fillings.map(filled).filter((one) => one !== undefined);
  const last = all.findLastIndex(({ kind }) => kind === 'chats');
  const release = (): void => {
    for (const each of releases) each();
  };
  return all.map((one, index) => (index === last && one.kind === 'chats' ? { ...one, release } : one));
}

function filling(one: JoinedUser | AwaitedChats): JoinedUser | Filling {
  return one.kind === 'user' ? one : { chats: one, messages: [...one.messages], rejected: [] };
}

/** Puts messages to their chats. Those of another owner under the same id are read with that one's. */
function place({ documents, json, rejected }: FoundMessages, byId: ReadonlyMap<string, readonly Filling[]>): void {
  const bytes = asBuffer(json.bytes);
  const bad = new Map(rejected.map((one) => [one.document, one]));
  let record = 0;
  for (let i = 0; i < documents.count; i++) {
    const id = fieldOf(documents, i, 'conversationId');
    const candidates = typeof id === 'string' ? byId.get(id) : undefined;
    const problem = bad.get(i);
    if (problem !== undefined) {
      const user = fieldOf(documents, i, 'user');
      const home = candidates?.find(({ chats }) => chats.userId === user) ?? candidates?.[0];
      home?.rejected.push(problem);
      continue;
    }
    const text = bytes.subarray(json.starts[record], json.ends[record]);
    record += 1;
    if (candidates === undefined) continue;
    const userId = ownerOf(fieldOf(documents, i, 'user'), text);
    for (const { chats, messages } of candidates) {
      if (chats.userId !== userId) continue;
      messages.push(text);
      break;
    }
  }
}

/** The owner as the keys have it. */
function ownerOf(user: unknown, text: Buffer): string {
  if (typeof user === 'string' && !user.includes('\ufffd')) return user;
  return documentKeys(text, 0, text.length).userId;
}

/** Nothing when all the messages there were are gone, and there is no conversation either. */
function filled(one: JoinedUser | Filling): Read | undefined {
  if (!('chats' in one)) return one;
  const { chats, messages, rejected } = one;
  if (messages.length + chats.conversations.length + rejected.length === 0) return undefined;
  const { awaited: _, ...rest } = chats;
  let { bytes } = chats;
  for (const { length } of messages) bytes += length;
  return { ...rest, messages, bytes, ...(rejected.length > 0 && { rejected }) };
}
