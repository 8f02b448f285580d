import { librechatUserRecord } from '../mappings/librechat-user-record.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import type { Conversation } from '../models/conversation.ts';
import type { LibrechatRecord } from '../models/librechat-chat.ts';
import type { Json } from '../json.ts';
import type { Batch, StageContext } from '../stage.ts';
import { bundleRecords, conversationRecords, type ChatChoice } from './chat-records.ts';
import { cutPlaces, holdCutPlaces } from './cut-short.ts';
import type { JoinedChats, JoinedUser } from './joined.ts';
import type { LibrechatInput } from './librechat-input.ts';
import type { LibrechatUserSummary } from './user-summaries.ts';

export type LibrechatMade = Conversation | LibrechatRecord | LibrechatUserSummary;

/** Where reading goes on: after this key, so many conversations having been given. */
export interface LibrechatPlace {
  readonly after: string;
  readonly conversations: number;
  /** Where the dump is cut short. */
  readonly cut?: Json | undefined;
}

/** How records are chosen and put into batches. */
export interface RecordBatchesOptions extends ChatChoice {
  readonly records: 'conversations' | 'documents' | 'users';
  readonly maxConversations?: number | undefined;
  readonly batchSize: number;
  readonly batchBytes: number;
}

/** Makes records of what was joined, in batches that end after so many records or bytes. */
export async function* recordBatches(
  joined: AsyncIterable<JoinedUser | JoinedChats>,
  input: LibrechatInput,
  projects: ReadonlyMap<string, string>,
  options: RecordBatchesOptions,
  ctx: StageContext,
): AsyncGenerator<Batch<LibrechatMade>> {
  const { maxConversations = Number.POSITIVE_INFINITY, batchSize, batchBytes } = options;
  // What comes back is what we gave with a batch.
  const before = ctx.cursor as LibrechatPlace | undefined;
  let conversations = before?.conversations ?? 0;
  let isHeld = before === undefined;
  let records: LibrechatMade[] = [];
  let bytes = 0;
  let last: Buffer | undefined;
  const batch = (): Batch<LibrechatMade> => {
    const some = records;
    const after = last?.toString('hex');
    const cut = cutPlaces(input);
    const cursor = after === undefined ? undefined : { after, conversations, ...(cut !== undefined && { cut }) };
    const size = bytes;
    records = [];
    bytes = 0;
    return { records: some, bytes: size, cursor, at: (index) => placeOf(some[index]) };
  };
  for await (const one of joined) {
    // A dump has been read whole by now.
    if (!isHeld) holdCutPlaces(before?.cut, input);
    isHeld = true;
    if (one.kind === 'user') records.push(librechatUserRecord(one));
    else {
      const made = recordsOf(one, projects, options, ctx, maxConversations - conversations);
      conversations += made.length;
      records.push(...made);
    }
    last = one.key;
    bytes += one.bytes;
    if (records.length >= batchSize || bytes >= batchBytes) yield batch();
    if (conversations >= maxConversations) break;
  }
  if (!isHeld) holdCutPlaces(before?.cut, input);
  if (records.length > 0 || bytes > 0) yield batch();
}

/** At most `most` records of one owner and conversation id, with what there is to report of them. */
function recordsOf(
  joined: JoinedChats,
  projects: ReadonlyMap<string, string>,
  options: RecordBatchesOptions,
  ctx: StageContext,
  most: number,
): LibrechatMade[] {
  if (options.records !== 'documents') {
    const { records, filtered } = conversationRecords(joined, options, projects);
    ctx.count('filtered', filtered);
    const some = records.slice(0, most);
    for (const { conversation, losses } of some) reportFindings(ctx, conversation, losses);
    return some.map(({ conversation }) => conversation);
  }
  const { records, filtered } = bundleRecords(joined, options);
  ctx.count('filtered', filtered);
  const some = records.slice(0, most);
  for (const { counts } of some) {
    for (const [kind, times] of Object.entries(counts.repairs)) ctx.finding(`mended: ${kind}`, times);
    for (const [kind, times] of Object.entries(counts.losses)) ctx.finding(`left behind: ${kind}`, times);
  }
  return some;
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
