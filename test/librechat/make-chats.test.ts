import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import type { JoinedChats, JoinedUser } from '../../src/librechat/joined.ts';
import { makeChats, type MadeChats } from '../../src/librechat/make-chats.ts';
import type { LibrechatChatRecord } from '../../src/models/librechat-chat.ts';
import { joinedLibrechat } from '../helpers/joined-librechat.ts';

const choice = { includeArchived: true, includeTemporary: false };
const worker = new URL('../helpers/chat-worker.mjs', import.meta.url);

type Made = JoinedUser | MadeChats<LibrechatChatRecord>;

/** What a join gives of generated data: a user, then chats, damaged ones too. */
function joinedGroups(): (JoinedUser | JoinedChats)[] {
  const { chats } = joinedLibrechat({
    seed: 3,
    conversations: 60,
    users: 4,
    damage: true,
    textScale: 0.3,
    maxTurns: 8,
  });
  const texts = (documents: readonly object[]): Buffer[] => documents.map((one) => Buffer.from(JSON.stringify(one)));
  const groups = chats.map(({ userId, conversationId, user, conversation, copies = [], messages, files }, place) => ({
    kind: 'chats' as const,
    key: Buffer.from(String(place)),
    bytes: 100,
    userId,
    conversationId,
    user,
    conversations: texts(conversation === null ? copies : [conversation, ...copies]),
    messages: texts(messages),
    files: texts(files),
  }));
  const user = { kind: 'user' as const, key: Buffer.from('u'), bytes: 10, userId: 'u', user: null };
  return [{ ...user, document: undefined, related: [], files: [] }, ...groups];
}

async function all(made: AsyncIterable<Made>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const one of made) {
    if (one.kind === 'user') found.push('user');
    else {
      const { release: _, ...rest } = one;
      found.push({ ...rest, records: rest.records.map(plain) });
    }
  }
  return found;
}

/** A record as plain values: bytes as text, whatever buffer they are on. */
function plain({ line, files, toJSON, ...rest }: LibrechatChatRecord): unknown {
  const texts = files.map(({ metadata, ...file }) => ({ ...file, metadata: Buffer.from(metadata).toString() }));
  // What went through a thread is the same by its values, not by its prototypes.
  return JSON.parse(JSON.stringify({ ...rest, line: Buffer.concat(line).toString(), files: texts, value: toJSON() }));
}

async function* given(groups: readonly (JoinedUser | JoinedChats)[], afterFirst?: () => Promise<unknown>) {
  for (const [place, group] of groups.entries()) {
    yield group;
    if (place === 0) await afterFirst?.();
  }
}

const groups = joinedGroups();

/** Starts a thread and tells when it is ready; what it answers may be put in its place. */
function startedWorker(path: URL = worker): { readonly start: () => Worker; readonly ready: () => Promise<unknown> } {
  let ready: Promise<unknown> = Promise.resolve();
  return {
    start: () => {
      const thread = new Worker(path);
      ready = Promise.race([once(thread, 'message'), once(thread, 'exit')]);
      return thread;
    },
    ready: () => ready,
  };
}

test('another thread makes the same records in the same order', async () => {
  const here = await all(makeChats(given(groups), choice, { start: 'none' }));
  assert.equal(here.length, groups.length);
  const { start, ready } = startedWorker();
  const sent: unknown[] = [];
  const watched = (): Worker => {
    const thread = start();
    const post = thread.postMessage.bind(thread);
    thread.postMessage = (message: unknown, ...rest: []) => {
      sent.push(message);
      post(message, ...rest);
    };
    return thread;
  };
  const there = await all(
    makeChats(given(groups, ready), choice, { start: watched, startAfterBytes: 0, jobBytes: 1000 }),
  );
  assert.deepEqual(there, here);
  assert.ok(sent.length > 2, `${sent.length} jobs`);
});

test('records are as they were until they are let go of, and their memory is used again', async () => {
  const here = await all(makeChats(given(groups), choice, { start: 'none' }));
  // Enough of them that memory goes round several times.
  const [user, ...chats] = groups as [JoinedUser, ...JoinedChats[]];
  const many = [user, ...chats, ...chats, ...chats];
  const expected = [...here, ...here.slice(1), ...here.slice(1)];
  const { start, ready } = startedWorker();
  const found: unknown[] = [];
  let waiting: MadeChats<LibrechatChatRecord>[] = [];
  let released = 0;
  const making = makeChats(given(many, ready), choice, { start, startAfterBytes: 0, jobBytes: 1000 });
  const settle = (): void => {
    for (const { release, ...one } of waiting) {
      found.push({ ...one, records: one.records.map(plain) });
      release?.();
      if (release !== undefined) released += 1;
    }
    waiting = [];
  };
  for await (const one of making) {
    if (one.kind === 'user') found.push('user');
    else waiting.push(one);
    if (waiting.length === 25) settle();
  }
  settle();
  assert.deepEqual(found, expected);
  assert.ok(released > chats.length, `${released} of ${many.length}`);
});

test('a thread that cannot be started, fails or ends leaves its work to this one', async () => {
  const here = await all(makeChats(given(groups), choice, { start: 'none' }));
  const threads = [
    new URL('./no-such-file.mjs', import.meta.url),
    script(`parentPort.postMessage('ready'); parentPort.on('message', () => process.exit());`),
    script(`parentPort.postMessage('ready'); parentPort.on('message', () => { throw new Error('broken'); });`),
    script(`parentPort.postMessage('ready'); parentPort.on('message', () => parentPort.postMessage(null));`),
  ];
  for (const path of threads) {
    const { start, ready } = startedWorker(path);
    const waits = (): Promise<unknown> => ready().catch(() => undefined);
    const there = await all(makeChats(given(groups, waits), choice, { start, startAfterBytes: 0, jobBytes: 1000 }));
    assert.deepEqual(there, here, path.href.slice(0, 60));
  }
});

test('an error in the data is met here, and the thread is closed', async () => {
  const [user, first] = groups as [JoinedUser, JoinedChats];
  const broken = { ...first, conversations: [Buffer.from('{"conversationId":nope}')] };
  const { start, ready } = startedWorker();
  const exits: Promise<unknown>[] = [];
  const watched = (): Worker => {
    const thread = start();
    exits.push(once(thread, 'exit'));
    return thread;
  };
  const making = makeChats(given([user, broken], ready), choice, { start: watched, startAfterBytes: 0 });
  await assert.rejects(all(making), SyntaxError);
  assert.equal(exits.length, 1);
  await Promise.all(exits);
});

function script(text: string): URL {
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${text}`)}`,
  );
}

test('memory of documents is let go only when no record made here can be a view on it', async () => {
  const released = async (start: (() => Worker) | 'none', afterFirst?: () => Promise<unknown>): Promise<number[]> => {
    const places: number[] = [];
    const chats = groups.filter((group) => group.kind === 'chats');
    const held = chats.map((group, place) =>
      place % 10 === 9 ? { ...group, release: () => void places.push(place) } : group,
    );
    await all(makeChats(given(held, afterFirst), choice, { start, startAfterBytes: 0, jobBytes: 300 }));
    return places;
  };
  assert.deepEqual(await released('none'), []);
  const { start, ready } = startedWorker();
  const places = await released(start, ready);
  // The first was made before the thread was ready, so what is let go of with it is kept.
  assert.deepEqual(
    places,
    Array.from(places, (_, index) => index * 10 + 19),
  );
  assert.ok(places.length > 2, `${places.length} times`);
});
