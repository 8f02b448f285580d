import { lendMemory } from '../batch.ts';
import { librechatUserRecord } from '../mappings/librechat-user-record.ts';
import type { Conversation } from '../models/conversation.ts';
import type { LibrechatRecord } from '../models/librechat-chat.ts';
import type { Json } from '../json.ts';
import type { Batch, StageContext } from '../stage.ts';
import { cutPlaces, holdCutPlaces } from './cut-short.ts';
import type { JoinedUser } from './joined.ts';
import type { LibrechatInput } from './librechat-input.ts';
import type { MadeChats } from './make-chats.ts';
import type { LibrechatUserSummary } from './user-summaries.ts';

export type LibrechatMade = Conversation | LibrechatRecord | LibrechatUserSummary;

/** Where reading goes on: after this key, so many conversations having been given. */
export interface LibrechatPlace {
  readonly after: string;
  readonly conversations: number;
  /** Where the dump is cut short. */
  readonly cut?: Json | undefined;
}

/** How records are put into batches. */
export interface RecordBatchesOptions {
  readonly maxConversations?: number | undefined;
  readonly batchSize: number;
  readonly batchBytes: number;
}

/** Puts records into batches that end after so many records or bytes; `taken` is asked for each one that counts. */
export async function* recordBatches<T>(
  made: AsyncIterable<JoinedUser | MadeChats<T>>,
  input: LibrechatInput,
  taken: (record: T) => LibrechatMade,
  { maxConversations = Number.POSITIVE_INFINITY, batchSize, batchBytes }: RecordBatchesOptions,
  ctx: StageContext,
): AsyncGenerator<Batch<LibrechatMade>> {
  // What comes back is what we gave with a batch.
  const before = ctx.cursor as LibrechatPlace | undefined;
  let conversations = before?.conversations ?? 0;
  let isHeld = before === undefined;
  let records: LibrechatMade[] = [];
  let bytes = 0;
  let releases: (() => void)[] = [];
  let last: Buffer | undefined;
  const batch = (): Batch<LibrechatMade> => {
    const some = records;
    const after = last?.toString('hex');
    const cut = cutPlaces(input);
    const cursor = after === undefined ? undefined : { after, conversations, ...(cut !== undefined && { cut }) };
    const done: Batch<LibrechatMade> = { records: some, bytes, cursor, at: (index) => placeOf(some[index]) };
    const held = releases;
    records = [];
    bytes = 0;
    releases = [];
    return held.length === 0 ? done : lendMemory(done, () => held.forEach(release));
  };
  for await (const one of made) {
    // A dump has been read whole by now.
    if (!isHeld) holdCutPlaces(before?.cut, input);
    isHeld = true;
    if (one.kind === 'user') records.push(librechatUserRecord(one));
    else {
      for (const { record, cause, at } of one.rejected ?? []) ctx.reject(record, cause, { at });
      ctx.count('filtered', one.filtered);
      const some = one.records.slice(0, maxConversations - conversations);
      for (const record of some) records.push(taken(record));
      conversations += some.length;
      if (one.release !== undefined) releases.push(one.release);
    }
    last = one.key;
    bytes += one.bytes;
    if (records.length >= batchSize || bytes >= batchBytes) yield batch();
    if (conversations >= maxConversations) break;
  }
  if (!isHeld) holdCutPlaces(before?.cut, input);
  if (records.length > 0 || bytes > 0) yield batch();
}

function release(one: () => void): void {
  one();
}

/** Batches of users, after the one that was given last. */
export function* userBatches(
  all: readonly LibrechatUserSummary[],
  wanted: ReadonlySet<string> | undefined,
  { batchSize }: Pick<RecordBatchesOptions, 'batchSize'>,
  ctx: StageContext,
): Generator<Batch<LibrechatMade>> {
  const after = (ctx.cursor as LibrechatPlace | undefined)?.after;
  const isWanted = ({ id, email }: LibrechatUserSummary): boolean =>
    wanted === undefined || wanted.has(id) || (email !== null && wanted.has(email.toLowerCase()));
  const users = all.filter((user) => isWanted(user) && (after === undefined || user.id > after));
  for (let i = 0; i < users.length; i += batchSize) {
    const records = users.slice(i, i + batchSize);
    yield {
      records,
      cursor: { after: records.at(-1)?.id ?? '', conversations: 0 },
      at: (index) => placeOf(records[index]),
    };
  }
}

function placeOf(record: LibrechatMade | undefined): string {
  if (record === undefined) return '';
  if ('key' in record && !('type' in record)) return record.key;
  if (!('type' in record)) return `user ${record.id}`;
  return record.type === 'user' ? `user ${record.user.id}` : `user ${record.user.id}, conversation ${record.key}`;
}
