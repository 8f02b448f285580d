import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { BatchMemory } from '../formats/batch-memory.ts';
import type { LibrechatChatRecord } from '../models/librechat-chat.ts';
import { packJob, unpackResult, type ChatJobResult } from './chat-jobs.ts';
import { bundleRecords, type ChatChoice, type ChatRecords } from './chat-records.ts';
import type { JoinedChats, JoinedUser, RejectedDocument } from './joined.ts';

/** What was made of the documents of one owner and conversation id. */
export interface MadeChats<T> extends ChatRecords<T> {
  readonly kind: 'chats';
  readonly key: Buffer;
  /** Bytes of JSON text they were made of. */
  readonly bytes: number;
  readonly rejected?: readonly RejectedDocument[] | undefined;
  /** Says, once, that the records are not looked at any more: the memory they lie in is used again. */
  readonly release?: (() => void) | undefined;
}

type MadeBundleChats = MadeChats<LibrechatChatRecord>;

/** Starts the thread that makes records. */
export type StartChatWorker = () => Worker;

const jobsAhead = 3;
const mostJobBytes = 4_000_000;
/** Memory of jobs and of what is made of them: as much as is on its way. Larger memory is for one large chat. */
const mostKept = 2 * (jobsAhead + 2);
const mostKeptBytes = 1024 * 1024;
const memoryStep = 128 * 1024;

export interface MakeChatsOptions {
  /** Default: the thread as the package ships it, where there is a core for it. */
  readonly start?: StartChatWorker | 'none' | undefined;
  /** The thread is started after so many bytes of documents: a small export is done before it is there. Default 2 MB. */
  readonly startAfterBytes?: number | undefined;
  /** Bytes of documents that are sent to it at a time. Default 256 KB. */
  readonly jobBytes?: number | undefined;
}

/**
 * Little room for young objects: the thread makes few, but buffers are only given back with them. With the default it would
 * hold 60 MB more, with twice of this 5.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 4 } as const;

/** The thread as the package ships it, where there is a core for it. */
const defaultChatWorker: StartChatWorker | 'none' =
  availableParallelism() > 1
    ? () => new Worker(new URL(import.meta.url.replace(/make-chats\.(\w+)$/, 'chat-worker.$1')), { resourceLimits })
    : 'none';

/**
 * Makes a bundle's records of what was joined, in its order.
 *
 * When there is much to do, another thread makes them while this one joins and writes. It does the same as is done here
 * without it, and whatever it cannot do is done here: where no thread can be started, everything is.
 */
export async function* makeChats(
  joined: AsyncIterable<JoinedUser | JoinedChats>,
  choice: ChatChoice,
  { start = defaultChatWorker, startAfterBytes = 2 * 1024 * 1024, jobBytes = 256 * 1024 }: MakeChatsOptions = {},
): AsyncGenerator<JoinedUser | MadeBundleChats> {
  let thread: ChatThread | undefined;
  let bytes = 0;
  const jobs: JobOfChats[] = [];
  const memory = new GroupMemory();
  let groups: JoinedChats[] = [];
  let groupsBytes = 0;
  try {
    for await (const one of joined) {
      bytes += one.bytes;
      if (start !== 'none' && bytes >= startAfterBytes) thread ??= new ChatThread(start);
      if (thread?.isReady !== true) {
        yield one.kind === 'user' ? one : madeHere(one, choice, memory);
        continue;
      }
      if (one.kind === 'chats') {
        groups.push(one);
        groupsBytes += one.bytes;
        if (groupsBytes < jobBytes) continue;
      }
      if (groups.length > 0) jobs.push(jobOf(groups, groupsBytes, thread, choice));
      groups = [];
      groupsBytes = 0;
      if (one.kind === 'user') jobs.push({ user: one });
      while (jobs.length > jobsAhead) yield* resultOf(jobs.shift(), choice, memory);
    }
    if (groups.length > 0 && thread !== undefined) jobs.push(jobOf(groups, groupsBytes, thread, choice));
    while (jobs.length > 0) yield* resultOf(jobs.shift(), choice, memory);
  } finally {
    await thread?.close();
  }
}

/** What waits for its turn: a user, or groups that are being worked on. */
type JobOfChats =
  | { readonly user: JoinedUser }
  | {
      readonly groups: readonly JoinedChats[];
      readonly made: Promise<ThreadsChats | undefined>;
    };

/** What is large is not sent: it would be held several times over, here and there. */
function jobOf(groups: readonly JoinedChats[], bytes: number, thread: ChatThread, choice: ChatChoice): JobOfChats {
  return { groups, made: bytes > mostJobBytes ? Promise.resolve(undefined) : thread.make(groups, choice) };
}

async function* resultOf(
  job: JobOfChats | undefined,
  choice: ChatChoice,
  memory: GroupMemory,
): AsyncGenerator<JoinedUser | MadeBundleChats> {
  if (job === undefined) return;
  if ('user' in job) {
    yield job.user;
    return;
  }
  const made = await job.made;
  for (const [place, group] of job.groups.entries()) {
    const records = made?.chats[place];
    if (made === undefined || records === undefined) yield madeHere(group, choice, memory);
    else {
      memory.isDone(group);
      yield { ...placeOf(group), ...records, release: made.release };
    }
  }
}

function madeHere(group: JoinedChats, choice: ChatChoice, memory: GroupMemory): MadeBundleChats {
  memory.isKept(group);
  return { ...placeOf(group), ...bundleRecords(group, choice) };
}

/** What is known of chats whatever is made of them. */
export function placeOf({ kind, key, bytes, rejected }: JoinedChats): Omit<MadeChats<never>, keyof ChatRecords<never>> {
  return { kind, key, bytes, ...(rejected !== undefined && { rejected }) };
}

/** Lets go of the groups' memory, in their order, but for what records made here are views on. */
class GroupMemory {
  #isKept = false;

  isKept(group: JoinedChats): void {
    this.#isKept = true;
    this.isDone(group);
  }

  isDone({ release }: JoinedChats): void {
    if (release === undefined) return;
    if (!this.#isKept) release();
    this.#isKept = false;
  }
}

/** What the thread made of some groups. */
interface ThreadsChats {
  readonly chats: readonly ChatRecords<LibrechatChatRecord>[];
  /** To be called for each of the groups: then their memory is used again. */
  readonly release: () => void;
}

type Answer = (result: ChatJobResult | null) => void;

class ChatThread {
  isReady = false;
  #worker: Worker | undefined;
  readonly #waiting: Answer[] = [];
  readonly #memory = new BatchMemory(mostKeptBytes, { mostKept, step: memoryStep });
  #isGone = false;

  constructor(start: StartChatWorker) {
    // A thread that is not allowed, cannot be started, or ends before its time, leaves its work to this one.
    try {
      this.#worker = start();
    } catch {
      this.#isGone = true;
      return;
    }
    this.#worker.on('message', (message: ChatJobResult | 'ready' | null) => {
      if (message === 'ready') this.isReady = true;
      else this.#waiting.shift()?.(message);
    });
    this.#worker.on('error', () => this.#leave());
    this.#worker.on('exit', () => this.#leave());
  }

  /** The records of the groups; nothing when the thread could not make them. */
  async make(groups: readonly JoinedChats[], choice: ChatChoice): Promise<ThreadsChats | undefined> {
    const worker = this.#worker;
    if (worker === undefined || this.#isGone) return undefined;
    const job = packJob(groups, choice, (bytes) => this.#memory.take(bytes).buffer as ArrayBuffer);
    const answer = new Promise<ChatJobResult | null>((resolve) => this.#waiting.push(resolve));
    worker.postMessage(job, [job.bytes.buffer, job.lengths.buffer, job.room]);
    const result = await answer;
    if (result === null) return undefined;
    for (const free of result.free) this.#memory.giveBack(Buffer.from(free));
    let left = groups.length;
    const release = (): void => {
      left -= 1;
      if (left === 0) this.#memory.giveBack(Buffer.from(result.bytes.buffer));
    };
    return { chats: unpackResult(result), release };
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #leave(): void {
    this.#isGone = true;
    for (const answer of this.#waiting.splice(0)) answer(null);
  }
}
