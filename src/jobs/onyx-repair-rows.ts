import type { PostgresClient } from '../connections/postgres.ts';
import type { Json } from '../json.ts';
import type { OnyxDatabase } from '../sinks/onyx/generation.ts';
import type { OnyxLink, OnyxRow, RowRepair } from './onyx-repair-plan.ts';

const sessionsAtOnce = 100;

/** The ids of the chats to look at, page by page. */
export async function* sessionPages(
  client: PostgresClient,
  { sessions, userEmail }: { readonly sessions?: readonly string[]; readonly userEmail?: string },
): AsyncGenerator<string[]> {
  for (let last = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await client.query<{ id: string }>(
      `select id from chat_session where id > $1 and ($2::uuid[] is null or id = any($2))
          and ($3::text is null or user_id = (select id from "user" where email = $3)) order by id limit $4`,
      [last, sessions ?? null, userEmail?.toLowerCase() ?? null, sessionsAtOnce],
    );
    if (rows.length === 0) return;
    yield rows.map(({ id }) => id);
    last = rows.at(-1)?.id ?? last;
  }
}

/** The messages of some chats, by id. With `lock` nobody else changes them until the end of the transaction. */
export async function readRows(
  client: PostgresClient,
  { parent, latestChild, has }: OnyxDatabase,
  sessions: readonly string[],
  lock: boolean,
): Promise<OnyxRow[]> {
  const optional = (column: string, otherwise: string): string => (has('chat_message', column) ? column : otherwise);
  const { rows } = await client.query<OnyxRow>(
    `select id, chat_session_id as session, ${parent} as parent, ${latestChild} as latest, message_type as type, message as text,
            extract(epoch from time_sent)::float8 * 1000 as sent, ${optional('reasoning_tokens', 'null')} as reasoning, citations,
            ${has('chat_message', 'last_summarized_message_id') ? 'last_summarized_message_id is not null' : 'false'} as "isSummary"
       from chat_message where chat_session_id = any($1::uuid[]) order by id ${lock ? 'for update' : ''}`,
    [sessions],
  );
  return rows;
}

/** Documents that are linked to messages, and which of those that are cited are there at all. */
export async function readLinks(
  client: PostgresClient,
  rows: readonly OnyxRow[],
): Promise<{ readonly linked: ReadonlyMap<number, readonly OnyxLink[]>; readonly there: ReadonlySet<number> }> {
  const { rows: links } = await client.query<OnyxLink & { message: number }>(
    `select j.chat_message_id as message, d.id, d.link from chat_message__search_doc j join search_doc d on d.id = j.search_doc_id
      where j.chat_message_id = any($1::int[]) order by 1, 2`,
    [rows.map(({ id }) => id)],
  );
  const linked = new Map<number, OnyxLink[]>();
  for (const { message, ...link } of links) linked.set(message, [...(linked.get(message) ?? []), link]);
  const cited = rows.flatMap(({ citations }) => idsIn(citations));
  const { rows: there } = await client.query<{ id: number }>('select id from search_doc where id = any($1::int[])', [
    cited,
  ]);
  return { linked, there: new Set(there.map(({ id }) => id)) };
}

function idsIn(citations: Json): number[] {
  if (typeof citations !== 'object' || citations === null) return [];
  const values: readonly unknown[] = Object.values(citations);
  return values.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && Math.abs(id) < 2 ** 31);
}

const table = `
  create schema if not exists etl;
  create table if not exists etl.onyx_repair (
    schema      text not null,
    kind        text not null,
    message_id  integer not null,
    session_id  uuid not null,
    before      jsonb not null,
    repaired_at timestamptz not null default now()
  )`;

/** Changes messages, and keeps what was there. */
export async function saveRepairs(
  client: PostgresClient,
  { kind, schema, database }: { readonly kind: string; readonly schema: string; readonly database: OnyxDatabase },
  repairs: readonly RowRepair[],
): Promise<void> {
  if (repairs.length === 0) return;
  await client.query(table);
  const before = repairs.map(({ row, latest, citations, text, reasoning }) => ({
    id: row.id,
    session: row.session,
    before: {
      ...(latest !== undefined && { latest: row.latest }),
      ...(citations !== undefined && { citations: row.citations }),
      ...(text !== undefined && { text: row.text }),
      ...(reasoning !== undefined && { reasoning: row.reasoning }),
    },
  }));
  await client.query(
    `insert into etl.onyx_repair (schema, kind, message_id, session_id, before)
     select $1, $2, id, session, before from jsonb_to_recordset($3::jsonb) as r (id int, session uuid, before jsonb)`,
    [schema, kind, JSON.stringify(before)],
  );
  const columns = {
    latest: database.latestChild,
    citations: 'citations',
    text: 'message',
    reasoning: 'reasoning_tokens',
  };
  const types = { latest: 'int', citations: 'jsonb', text: 'text', reasoning: 'text' };
  for (const field of ['latest', 'citations', 'text', 'reasoning'] as const) {
    const changed = repairs.filter((repair) => repair[field] !== undefined);
    if (changed.length === 0 || !database.has('chat_message', columns[field])) continue;
    const values = changed.map((repair) => ({ id: repair.row.id, value: repair[field] }));
    await client.query(
      `update chat_message m set ${columns[field]} = r.value
         from jsonb_to_recordset($1::jsonb) as r (id int, value ${types[field]}) where m.id = r.id`,
      [JSON.stringify(values)],
    );
  }
  const links = repairs.flatMap(({ row, link = [] }) => link.map((document) => [row.id, document] as const));
  await client.query(
    `insert into chat_message__search_doc (chat_message_id, search_doc_id) select * from unnest($1::int[], $2::int[]) on conflict do nothing`,
    [links.map(([message]) => message), links.map(([, document]) => document)],
  );
}
