import type { PostgresClient } from '../../connections/postgres.ts';
import { storableText } from '../../formats/postgres-text.ts';
import { timeText } from '../../mappings/conversation-to-onyx-times.ts';
import { onyxIdOfKey } from '../../mappings/conversation-to-onyx-id.ts';
import type { Conversation } from '../../models/conversation.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import type { StageContext } from '../../stage.ts';
import type { OnyxDatabase } from './generation.ts';
import type { PlannedChat, PlannedRecord } from './load.ts';
import { createOwner, findOwners, missingOwnersError } from './owners.ts';
import type { PlacedChat } from './placed-chat.ts';
import { placeholderTools } from './placeholder-tools.ts';
import { openProjects } from './projects.ts';

export interface Placement {
  readonly place: readonly PlacedChat[];
  readonly skip: readonly { readonly record: PlannedRecord; readonly why: string }[];
}

export interface PlaceOptions {
  readonly schema: string;
  readonly users: 'require' | 'create' | 'skip';
  readonly database: OnyxDatabase;
  readonly ctx: StageContext;
}

/**
 * What loads that are under way have taken: not to be seen in the database yet. It is looked at before the database is: a load
 * that is committed in between would else be in neither.
 */
export interface Taken {
  readonly keys: Map<string, string>;
  readonly ids: Set<string>;
  /** `user time`: the times that Onyx pages by. */
  readonly times: Set<string>;
  /** Where the search for a free time goes on, when the same one is wanted again. */
  readonly next: Map<string, number>;
}

interface Chosen {
  readonly record: PlannedRecord;
  readonly planned: PlannedChat;
  readonly userId: string;
  readonly sessionId: string;
}

/**
 * Decides which chats are written: not those imported before (also when they were deleted or changed since), not those whose
 * owner has no account, not those that another tool brought in under the same id. Makes accounts, projects and tools that are
 * needed; adds to `taken` what it gives away.
 *
 * @throws {EtlError} `ETL_SINK_FAILED` for an owner without an account under `users: require`.
 */
export async function placeChats(
  client: PostgresClient,
  records: readonly PlannedRecord[],
  options: PlaceOptions,
  taken: Taken,
): Promise<Placement> {
  const { schema, database, ctx } = options;
  const known = await knownChats(client, schema, records, taken);
  const { ours, others } = await takenIds(client, schema, records, taken);
  const owners = await ownersOf(client, records, known, options);
  const chosen: Chosen[] = [];
  const skip: { record: PlannedRecord; why: string }[] = [];
  for (const record of records) {
    const userId = owners.get(emailOf(record.conversation));
    if (record.skip !== undefined) skip.push({ record, why: record.skip });
    else if (record.chats.every(({ key }) => known.has(key))) skip.push({ record, why: whyKnown(record, known) });
    else if (userId === undefined) skip.push({ record, why: 'its owner has no account' });
    else {
      const fresh = record.chats.filter(({ key }) => !known.has(key));
      const free = fresh.flatMap((planned): Chosen[] => {
        const { key, chat } = planned;
        const sessionId = ours.has(chat.sessionId) ? onyxIdOfKey(key) : chat.sessionId;
        if (others.has(sessionId) || ours.has(sessionId)) return [];
        known.set(key, planned.digest);
        ours.add(sessionId);
        return [{ record, planned, userId, sessionId }];
      });
      if (free.length === 0) skip.push({ record, why: 'a chat of its id is there that this did not import' });
      chosen.push(...free);
    }
  }
  const changed = (): void =>
    ctx.warn('text with NUL characters or halves of surrogate pairs was changed: PostgreSQL cannot hold them');
  const plain = (text: string): string => storableText(text, 'strip', changed);
  const called = chosen.flatMap(({ planned: { chat } }) => chat.messages.flatMap(({ toolCalls }) => toolCalls));
  const tools = await placeholderTools(client, schema, new Set(called.map(({ name }) => plain(name))), database);
  const inProjects = chosen.flatMap(({ userId, planned: { chat } }) =>
    chat.project === null || database.generation === 'A' ? [] : [{ userId, name: plain(chat.project) }],
  );
  const projects = await openProjects(client, schema, inProjects);
  const timed = await withoutTies(client, chosen, taken);
  for (const { planned, sessionId } of chosen) {
    taken.keys.set(planned.key, planned.digest);
    taken.ids.add(sessionId);
  }
  return {
    place: timed.map(({ record, planned, userId, chat }) => ({
      record,
      key: planned.key,
      digest: planned.digest,
      chat,
      userId,
      personaId: record.personaId,
      projectId: chat.project === null ? null : projects(userId, plain(chat.project)),
      tools: (name) => tools.get(plain(name)),
      filesOf: (place) => (chat.messages[place]?.type === 'USER' ? [] : null),
    })),
    skip,
  };
}

/** Chats that were imported before, or are being imported, with their digest. */
async function knownChats(
  client: PostgresClient,
  schema: string,
  records: readonly PlannedRecord[],
  taken: Taken,
): Promise<Map<string, string>> {
  const keys = records.flatMap(({ chats }) => chats.map(({ key }) => key));
  const underway = keys.flatMap((key) => {
    const digest = taken.keys.get(key);
    return digest === undefined ? [] : [[key, digest] as const];
  });
  const { rows } = await client.query<{ key: string; digest: string }>(
    'select key, digest from etl.onyx_chat where schema = $1 and key = any($2)',
    [schema, keys],
  );
  return new Map([...rows.map(({ key, digest }) => [key, digest] as const), ...underway]);
}

function whyKnown({ chats }: PlannedRecord, known: ReadonlyMap<string, string>): string {
  const isSame = chats.every(({ key, digest }) => known.get(key) === digest);
  return isSame ? 'imported before' : 'imported before and changed since in the source';
}

/** The accounts of those who have chats to be written, by e-mail address. */
async function ownersOf(
  client: PostgresClient,
  records: readonly PlannedRecord[],
  known: ReadonlyMap<string, string>,
  { users, database, ctx }: PlaceOptions,
): Promise<ReadonlyMap<string, string>> {
  const wanted = records.filter(({ skip, chats }) => skip === undefined && chats.some(({ key }) => !known.has(key)));
  const emails = new Set(wanted.map(({ conversation }) => emailOf(conversation)).filter((email) => email !== ''));
  const owners = new Map(await findOwners(client, emails));
  if (users === 'skip') return owners;
  if (users === 'require') requireAccounts(wanted, owners);
  for (const { conversation } of wanted) {
    const email = emailOf(conversation);
    if (owners.has(email)) continue;
    // Without an address nothing can be made, and nobody could be told whose chats they are.
    if (email === '') continue;
    const { id, isFirst } = await createOwner(client, conversation.owner, database);
    if (isFirst)
      ctx.warn(
        `nobody had an account in this Onyx: the first one made is ${email}, and Onyx takes it for the administrator`,
      );
    owners.set(email, id);
  }
  return owners;
}

function emailOf({ owner }: Conversation): string {
  return owner.email?.toLowerCase() ?? '';
}

/** Names everybody of the load at once: accounts are made in one go. */
function requireAccounts(wanted: readonly PlannedRecord[], owners: ReadonlyMap<string, string>): void {
  const without = wanted.filter(({ conversation }) => !owners.has(emailOf(conversation)));
  const [first] = without;
  if (first === undefined) return;
  const emails = new Set(without.map(({ conversation }) => emailOf(conversation)).filter((email) => email !== ''));
  const nameless = new Set(
    without.filter(({ conversation }) => emailOf(conversation) === '').map(({ conversation: { owner } }) => owner.id),
  );
  throw missingOwnersError([...emails], nameless.size, { record: first.conversation.id });
}

/** Ids that chats have already: those imported by us (for another conversation, or this one), and the others. */
async function takenIds(
  client: PostgresClient,
  schema: string,
  records: readonly PlannedRecord[],
  taken: Taken,
): Promise<{ ours: Set<string>; others: Set<string> }> {
  const ids = records.flatMap(({ chats }) => chats.flatMap(({ chat, key }) => [chat.sessionId, onyxIdOfKey(key)]));
  const underway = ids.filter((id) => taken.ids.has(id));
  const { rows: ours } = await client.query<{ id: string }>(
    'select session_id as id from etl.onyx_chat where schema = $1 and session_id = any($2::uuid[])',
    [schema, ids],
  );
  const { rows: there } = await client.query<{ id: string }>('select id from chat_session where id = any($1::uuid[])', [
    ids,
  ]);
  const own = new Set([...ours.map(({ id }) => id), ...underway]);
  return { ours: own, others: new Set(there.map(({ id }) => id).filter((id) => !own.has(id))) };
}

/**
 * Onyx pages through a list with "older than the last one": of chats of one owner with equal times all but one page would be
 * out of reach. Later ones move on by microseconds.
 */
async function withoutTies(
  client: PostgresClient,
  chosen: readonly Chosen[],
  taken: Taken,
): Promise<(Chosen & { readonly chat: OnyxChat })[]> {
  const underway = new Set(taken.times);
  const { rows } = await client.query<{ user: string; micros: string }>(
    `select distinct s.user_id as "user", (extract(epoch from s.time_updated) * 1000000)::bigint::text as micros
       from (select distinct * from unnest($1::uuid[], $2::timestamptz[]) as w ("user", time)) w
       join chat_session s on s.user_id = w."user" and not s.onyxbot_flow
        and s.time_updated >= w.time and s.time_updated < w.time + interval '1 s'`,
    [chosen.map(({ userId }) => userId), chosen.map(({ planned }) => timeText(planned.chat.timeUpdated))],
  );
  const before = new Set([...rows.map(({ user, micros }) => `${user} ${micros}`), ...underway]);
  return chosen.map((one) => {
    const { userId, sessionId, planned } = one;
    const wanted = `${userId} ${planned.chat.timeUpdated}`;
    let timeUpdated = taken.next.get(wanted) ?? planned.chat.timeUpdated;
    const isTaken = (): boolean =>
      before.has(`${userId} ${timeUpdated}`) || taken.times.has(`${userId} ${timeUpdated}`);
    while (isTaken()) timeUpdated += 1;
    taken.times.add(`${userId} ${timeUpdated}`);
    if (timeUpdated !== planned.chat.timeUpdated) taken.next.set(wanted, timeUpdated + 1);
    return { ...one, chat: { ...planned.chat, sessionId, timeUpdated } };
  });
}
