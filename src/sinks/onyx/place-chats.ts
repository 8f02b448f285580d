import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import { timeText } from '../../mappings/conversation-to-onyx-times.ts';
import { onyxIdOfKey } from '../../mappings/conversation-to-onyx-id.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import type { PlannedChat } from './load.ts';

/** A chat with its owner and its final id and times. */
export interface PlacedChat {
  readonly planned: PlannedChat;
  readonly userId: string;
  readonly chat: OnyxChat;
}

export interface Placement {
  readonly place: readonly PlacedChat[];
  readonly skip: readonly { readonly planned: PlannedChat; readonly why: string }[];
}

interface PlaceOptions {
  readonly schema: string;
  readonly missingUser: 'skip' | 'fail';
}

/**
 * Decides which chats are written: not those imported before (also when they were deleted or changed since), not those whose
 * owner has no account, not those that another tool brought in under the same id.
 *
 * @throws {EtlError} `ETL_SINK_FAILED` for an owner without an account under `missingUser: fail`.
 */
export async function placeChats(
  client: PostgresClient,
  chats: readonly PlannedChat[],
  { schema, missingUser }: PlaceOptions,
): Promise<Placement> {
  const known = await knownChats(client, schema, chats);
  const users = await usersOf(client, chats);
  const { ours, others } = await takenIds(client, schema, chats);
  const place: PlacedChat[] = [];
  const skip: { planned: PlannedChat; why: string }[] = [];
  for (const planned of chats) {
    const { key, owner } = planned.conversation;
    const digest = known.get(key);
    const userId = users.get(owner.email?.toLowerCase() ?? '');
    let { sessionId } = planned.chat;
    if (ours.has(sessionId) && digest === undefined) sessionId = onyxIdOfKey(key);
    if (digest !== undefined) {
      skip.push({
        planned,
        why: digest === planned.digest ? 'imported before' : 'imported before and changed since in the source',
      });
    } else if (userId === undefined) {
      if (missingUser === 'fail') throw missingUserError(planned);
      skip.push({ planned, why: 'its owner has no account' });
    } else if (others.has(sessionId) || ours.has(sessionId)) {
      skip.push({ planned, why: 'a chat of its id is there that this did not import' });
    } else {
      known.set(key, planned.digest);
      ours.add(sessionId);
      place.push({ planned, userId, chat: { ...planned.chat, sessionId } });
    }
  }
  return { place: await withoutTies(client, place), skip };
}

function missingUserError({ conversation: { id, owner } }: PlannedChat): EtlError {
  const who = owner.email ?? `owner ${owner.id}, who has no e-mail address`;
  return new EtlError('ETL_SINK_FAILED', `Onyx has no account for ${who}`, {
    where: { record: id },
    hint: 'Create the account, then run the same command again; or `missingUser: skip`.',
  });
}

async function knownChats(
  client: PostgresClient,
  schema: string,
  chats: readonly PlannedChat[],
): Promise<Map<string, string>> {
  const keys = chats.map(({ conversation }) => conversation.key);
  const { rows } = await client.query<{ key: string; digest: string }>(
    'select key, digest from etl.onyx_chat where schema = $1 and key = any($2)',
    [schema, keys],
  );
  return new Map(rows.map(({ key, digest }) => [key, digest]));
}

/** Accounts by e-mail address; the two that are nobody's are left out. */
async function usersOf(client: PostgresClient, chats: readonly PlannedChat[]): Promise<Map<string, string>> {
  const emails = new Set(chats.map(({ conversation }) => conversation.owner.email?.toLowerCase() ?? ''));
  const { rows } = await client.query<{ id: string; email: string }>(
    `select id, email from "user" where email = any($1)
        and id not in ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')`,
    [[...emails].filter((email) => email !== '')],
  );
  return new Map(rows.map(({ id, email }) => [email, id]));
}

/** Ids that chats have already: those imported by us (for another conversation, or this one), and the others. */
async function takenIds(
  client: PostgresClient,
  schema: string,
  chats: readonly PlannedChat[],
): Promise<{ ours: Set<string>; others: Set<string> }> {
  const ids = chats.flatMap(({ chat, conversation }) => [chat.sessionId, onyxIdOfKey(conversation.key)]);
  const { rows: ours } = await client.query<{ id: string }>(
    'select session_id as id from etl.onyx_chat where schema = $1 and session_id = any($2::uuid[])',
    [schema, ids],
  );
  const { rows: there } = await client.query<{ id: string }>('select id from chat_session where id = any($1::uuid[])', [
    ids,
  ]);
  const own = new Set(ours.map(({ id }) => id));
  return { ours: own, others: new Set(there.map(({ id }) => id).filter((id) => !own.has(id))) };
}

/**
 * Onyx pages through a list with "older than the last one": of chats of one owner with equal times all but one page would be
 * out of reach. Later ones move on by microseconds.
 */
async function withoutTies(client: PostgresClient, placed: readonly PlacedChat[]): Promise<PlacedChat[]> {
  const wanted = placed.map(({ userId, chat }) => ({ user: userId, time: timeText(chat.timeUpdated) }));
  const { rows } = await client.query<{ user: string; micros: string }>(
    `select distinct s.user_id as "user", (extract(epoch from s.time_updated) * 1000000)::bigint::text as micros
       from json_to_recordset($1::json) as w("user" uuid, time timestamptz)
       join chat_session s on s.user_id = w.user and s.time_updated >= w.time and s.time_updated < w.time + interval '1 s'`,
    [JSON.stringify(wanted)],
  );
  const taken = new Set(rows.map(({ user, micros }) => `${user} ${micros}`));
  return placed.map((one) => {
    let { timeUpdated } = one.chat;
    while (taken.has(`${one.userId} ${timeUpdated}`)) timeUpdated += 1;
    taken.add(`${one.userId} ${timeUpdated}`);
    return timeUpdated === one.chat.timeUpdated ? one : { ...one, chat: { ...one.chat, timeUpdated } };
  });
}
