import type { PostgresClient } from '../connections/postgres.ts';
import type { Json } from '../json.ts';
import type { OnyxDatabase } from '../sinks/onyx/generation.ts';
import type { PersonaIds } from '../sinks/onyx/personas.ts';
import { storedCalls } from './onyx-verify-calls.ts';
import { digestSql } from './onyx-verify-values.ts';

/** How the chats of a load were mapped: the sink's options, as it noted them. */
export interface ImportOptions {
  readonly branches: 'tree' | 'split' | 'active' | 'skip';
  readonly projects: 'project' | 'tag' | 'drop';
  readonly archived: 'keep' | 'project' | 'skip';
  readonly users: 'require' | 'create' | 'skip';
  readonly longText: 'split' | 'cut' | 'reject';
  readonly files: boolean;
  /** Absent in imports of the first releases. */
  readonly personas?: PersonaIds;
}

/** A chat that was imported, and what Onyx holds of it now. */
export interface StoredChat {
  readonly key: string;
  readonly sessionId: string;
  readonly options: ImportOptions;
  /** Undefined when it was deleted since. */
  readonly session: StoredSession | undefined;
  /** By id. */
  readonly messages: readonly StoredMessage[];
  /** Source ids of messages that were written, by id. */
  readonly written: ReadonlyMap<number, { readonly sourceId: string; readonly files: number }>;
}

export interface StoredSession {
  readonly title: string | null;
  /** Microseconds since 1970. */
  readonly created: number;
  readonly updated: number;
  readonly deleted: boolean;
  readonly email: string | null;
  readonly project: string | null;
  /** The assistant's id. */
  readonly persona: number | null;
  readonly shared: string;
  /** Columns that an import leaves empty and that hold something now. */
  readonly set: readonly string[];
}

export interface StoredMessage {
  readonly id: number;
  readonly session: string;
  readonly parent: number | null;
  readonly latest: number | null;
  readonly type: string;
  /** SHA-256 of the text. */
  readonly text: string;
  readonly tokens: number;
  readonly sent: number;
  readonly error: string | null;
  readonly reasoning: string | null;
  readonly model: string | null;
  /** Name and SHA-256 of each, null where Onyx does not have the content that was uploaded. */
  readonly files: readonly (readonly [name: string | null, sha256: string | null])[];
  readonly calls: Json;
  readonly documents: Json;
  /** Addresses of the linked documents that are cited, by mark; null for one that is not linked. */
  readonly cited: Json;
  /** Columns that an import leaves empty and that hold something now. */
  readonly set: readonly string[];
  readonly feedback: Json;
}

/** What hides a chat, or has it go on in another way; by table. Releases have some of them. */
const leftEmpty = {
  chat_session: [
    'onyxbot_flow',
    'incognito_record_mode',
    'llm_override',
    'prompt_override',
    'temperature_override',
    'reasoning_effort_override',
    'current_alternate_model',
    'slack_thread_id',
  ],
  chat_message: [
    'is_clarification',
    'last_summarized_message_id',
    'preferred_response_id',
    'alternate_assistant_id',
    'rephrased_query',
    'is_agentic',
    'research_type',
  ],
} as const;

const micros = (column: string): string => `(extract(epoch from ${column}) * 1000000)::bigint`;

/** Reads what Onyx holds of the chats with these keys; those that were never imported are not in the result. */
export async function readStoredChats(
  client: PostgresClient,
  schema: string,
  database: OnyxDatabase,
  keys: readonly string[],
): Promise<Map<string, StoredChat>> {
  const { rows: chats } = await client.query<{ key: string; id: string; options: ImportOptions }>(
    `select c.key, c.session_id as id, l.options from etl.onyx_chat c join etl.onyx_load l using (load)
      where c.schema = $1 and c.key = any($2)`,
    [schema, keys],
  );
  const ids = chats.map(({ id }) => id);
  const project = database.generation === 'A' ? 'null' : 'p.name';
  const join = database.generation === 'A' ? '' : 'left join user_project p on p.id = s.project_id';
  const { rows: sessions } = await client.query<StoredSession & { id: string; created: string; updated: string }>(
    `select s.id, s.description as title, ${micros('s.time_created')} as created, ${micros('s.time_updated')} as updated,
            s.deleted, u.email, ${project} as project, s.persona_id as persona, s.shared_status as shared, ${setColumns(database, 'chat_session', 's')} as set
       from chat_session s left join "user" u on u.id = s.user_id ${join} where s.id = any($1::uuid[])`,
    [ids],
  );
  const { rows: uploads } = await client.query<{ there: boolean }>(
    "select to_regclass('etl.onyx_file') is not null as there",
  );
  const hasUploads = uploads[0]?.there === true;
  const { rows: messages } = await client.query<
    Omit<StoredMessage, 'files'> & { sent: string; files: StoredMessage['files'] | null }
  >(messageQuery(database, hasUploads), hasUploads ? [ids, schema] : [ids]);
  const { rows: sources } = await client.query<{ session: string; id: number; source: string; files: number }>(
    'select session_id as session, message_id as id, source_id as source, files from etl.onyx_message where schema = $1 and session_id = any($2::uuid[])',
    [schema, ids],
  );
  const bySession = groupBySession(messages);
  const written = groupBySession(sources);
  const found = new Map(sessions.map((session) => [session.id, session]));
  return new Map(
    chats.map(({ key, id, options }) => {
      const session = found.get(id);
      const stored: StoredChat = {
        key,
        sessionId: id,
        options,
        session: session && { ...session, created: Number(session.created), updated: Number(session.updated) },
        messages: (bySession.get(id) ?? []).map((message) => ({
          ...message,
          sent: Number(message.sent),
          files: message.files ?? [],
        })),
        written: new Map(
          (written.get(id) ?? []).map(({ id: row, source, files }) => [row, { sourceId: source, files }]),
        ),
      };
      return [key, stored];
    }),
  );
}

function groupBySession<T extends { readonly session: string }>(rows: readonly T[]): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.session);
    if (group === undefined) groups.set(row.session, [row]);
    else group.push(row);
  }
  return groups;
}

/** The names of those columns that are neither NULL nor false. */
function setColumns({ has }: OnyxDatabase, table: keyof typeof leftEmpty, alias: string): string {
  const columns = leftEmpty[table].filter((column) => has(table, column));
  const names = columns.map((column) => `case when ${alias}.${column}::text <> 'false' then '${column}' end`);
  return `array_remove(array[${names.join(', ')}]::text[], null)`;
}

function messageQuery(database: OnyxDatabase, hasUploads: boolean): string {
  const { parent, latestChild, model, has } = database;
  const optional = (column: string, name: string): string =>
    has('chat_message', column) ? `m.${column} as ${name}` : `null as ${name}`;
  const stored = has('file_record', 'file_id')
    ? `and exists (select 1 from file_record r where r.file_id = u.file_id)`
    : '';
  const hashes = hasUploads
    ? `(select min(u.sha256) from etl.onyx_file u where u.schema = $2 and u.file_id = f.value ->> 'id' ${stored})`
    : 'null';
  return `select m.id, m.chat_session_id as session, m.${parent} as parent, m.${latestChild} as latest, m.message_type as type,
      ${digestSql('m.message')} as text, m.token_count as tokens, ${micros('m.time_sent')} as sent, m.error,
      ${optional('reasoning_tokens', 'reasoning')}, ${optional(model, 'model')},
      case when jsonb_typeof(m.files) = 'array' then (select jsonb_agg(jsonb_build_array(f.value ->> 'name', ${hashes}) order by f.ordinality)
        from jsonb_array_elements(m.files) with ordinality f) end as files,
      ${storedCalls(database)} as calls,
      (select jsonb_agg(jsonb_build_array(d.link, d.semantic_id, d.blurb) order by d.id) from chat_message__search_doc j
         join search_doc d on d.id = j.search_doc_id where j.chat_message_id = m.id) as documents,
      case jsonb_typeof(m.citations) when 'object'
        then (select jsonb_object_agg(c.key, (select d.link from chat_message__search_doc j join search_doc d on d.id = j.search_doc_id
                where j.chat_message_id = m.id and d.id::text = c.value #>> '{}')) from jsonb_each(m.citations) c)
        else m.citations end as cited,
      ${setColumns(database, 'chat_message', 'm')} as set,
      (select jsonb_agg(jsonb_build_array(f.is_positive, f.predefined_feedback, f.feedback_text) order by f.id)
         from chat_feedback f where f.chat_message_id = m.id) as feedback
    from chat_message m where m.chat_session_id = any($1::uuid[]) order by m.id`;
}
