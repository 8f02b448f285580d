import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';

/** What there is to know about an Onyx database before writing to it. */
export interface OnyxDatabase {
  /** Columns that only some releases have and that are there. */
  readonly optional: ReadonlySet<string>;
  /** The sequences that give ids, by table. */
  readonly sequences: Readonly<Record<'chat_message' | 'tool_call' | 'search_doc', string>>;
  /** After so many days an Onyx with this setting deletes chats for good. */
  readonly retentionDays: number | undefined;
}

/** What is written, by table: these columns must be there. Since Onyx v2.6.0 (2025-12). */
const written: Readonly<Record<string, readonly string[]>> = {
  user: ['id', 'email'],
  persona: ['id'],
  tool: ['id', 'name', 'display_name', 'description', 'enabled', 'passthrough_auth'],
  chat_session: words('id user_id description deleted shared_status time_created time_updated persona_id onyxbot_flow'),
  chat_message: words(
    'id chat_session_id parent_message_id latest_child_message_id message message_type token_count time_sent reasoning_tokens files citations error',
  ),
  tool_call: words(
    'id chat_session_id parent_chat_message_id turn_number tab_index tool_id tool_call_id tool_call_arguments tool_call_response tool_call_tokens reasoning_tokens',
  ),
  search_doc: words(
    'id document_id chunk_ind semantic_id link blurb boost source_type hidden score match_highlights doc_metadata is_internet',
  ),
  chat_message__search_doc: ['chat_message_id', 'search_doc_id'],
  chat_feedback: ['chat_message_id', 'is_positive', 'feedback_text', 'predefined_feedback'],
};
const optionalColumns = ['model_display_name'];

interface Column {
  readonly table: string;
  readonly name: string;
  readonly isRequired: boolean;
}

/**
 * Looks at the tables of an Onyx database and says how to write to them.
 *
 * Goes by the columns, as releases and migrations do not tell enough. Also reads whether chats are deleted after a time.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` for tables of a form that is not known, with what is missing and what is too much,
 *   and when the persona or a sequence is not there.
 */
export async function probeOnyx(client: PostgresClient, schema: string, persona: number): Promise<OnyxDatabase> {
  const { rows: columns } = await client.query<Column>(
    `select table_name as "table", column_name as name,
            is_nullable = 'NO' and column_default is null and is_generated = 'NEVER' and is_identity = 'NO' as "isRequired"
       from information_schema.columns where table_schema = $1 and table_name = any($2)`,
    [schema, Object.keys(written)],
  );
  refuseUnknown(columns, schema);
  const { rows: personas } = await client.query('select 1 from persona where id = $1 and not deleted', [persona]);
  if (personas.length === 0) throw wrong(`there is no persona ${persona} in schema "${schema}"`, 'Choose `persona`.');
  return {
    optional: new Set(
      columns
        .filter(({ table, name }) => table === 'chat_message' && optionalColumns.includes(name))
        .map(({ name }) => name),
    ),
    sequences: {
      chat_message: await sequenceOf(client, schema, 'chat_message'),
      tool_call: await sequenceOf(client, schema, 'tool_call'),
      search_doc: await sequenceOf(client, schema, 'search_doc'),
    },
    retentionDays: await retention(client),
  };
}

function refuseUnknown(columns: readonly Column[], schema: string): void {
  const there = new Set(columns.map(({ table, name }) => `${table}.${name}`));
  const missing = Object.entries(written).flatMap(([table, names]) =>
    names.map((name) => `${table}.${name}`).filter((column) => !there.has(column)),
  );
  const filled = [
    'tool',
    'chat_session',
    'chat_message',
    'tool_call',
    'search_doc',
    'chat_message__search_doc',
    'chat_feedback',
  ];
  const required = columns
    .filter(
      ({ table, name, isRequired }) => isRequired && filled.includes(table) && written[table]?.includes(name) !== true,
    )
    .map(({ table, name }) => `${table}.${name}`);
  if (missing.length === 0 && required.length === 0) return;
  if (there.size === 0) throw wrong(`schema "${schema}" holds no Onyx tables`, 'Check the database, and `schema`.');
  const difference = [
    missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
    required.length > 0 ? `required and not known: ${required.join(', ')}` : '',
  ].filter((part) => part !== '');
  const isOld = there.has('chat_message.message') && missing.includes('chat_message.parent_message_id');
  throw wrong(
    `the tables in schema "${schema}" are not those of a known Onyx generation (${difference.join('; ')})`,
    isOld ? 'This Onyx is older than v2.6.0: upgrade it first.' : undefined,
  );
}

async function sequenceOf(client: PostgresClient, schema: string, table: string): Promise<string> {
  const { rows } = await client.query<{ name: string | null; may: boolean | null }>(
    `select name, has_sequence_privilege(name, 'USAGE') as may
       from (select pg_get_serial_sequence(quote_ident($1) || '.' || quote_ident($2), 'id') as name) s`,
    [schema, table],
  );
  const { name = null, may = null } = rows[0] ?? {};
  if (name === null) throw wrong(`the ids of ${table} come from no sequence that belongs to the column`);
  if (may !== true) throw new EtlError('ETL_AUTH_FAILED', `this role may not use the sequence ${name}`);
  return name;
}

/** Onyx keeps its settings as JSON documents: whichever has this field says it. */
async function retention(client: PostgresClient): Promise<number | undefined> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    "select to_regclass('key_value_store') is not null as there",
  );
  if (tables[0]?.there !== true) return undefined;
  const { rows } = await client.query<{ days: string | null }>(
    `select value ->> 'maximum_chat_retention_days' as days from key_value_store
      where jsonb_typeof(value) = 'object' and value ->> 'maximum_chat_retention_days' is not null`,
  );
  const days = Number(rows[0]?.days);
  return days > 0 ? days : undefined;
}

function wrong(what: string, hint?: string): EtlError {
  return new EtlError('ETL_CONFIG_INVALID', what, hint === undefined ? {} : { hint });
}

function words(text: string): string[] {
  return text.split(' ');
}
