import type { PostgresClient } from '../../connections/postgres.ts';
import { storableJsonText } from '../../formats/postgres-text.ts';
import { chatRows } from './chat-rows.ts';
import type { OnyxDatabase } from './generation.ts';
import { placeholderTools } from './placeholder-tools.ts';
import type { PlacedChat } from './place-chats.ts';

export interface InsertOptions {
  readonly database: OnyxDatabase;
  readonly schema: string;
  readonly pipeline: string;
  readonly load: string;
  readonly persona: number;
  /** Called when text was changed because PostgreSQL cannot hold it. */
  readonly changed: () => void;
}

/**
 * Writes chats with all that belongs to them, in the transaction that is open.
 *
 * Ids come from Onyx's own sequences beforehand, in the order of the messages, so that both pointers are known and each
 * table is filled by one statement: the foreign keys of messages among themselves are checked when it ends.
 */
export async function insertChats(
  client: PostgresClient,
  placed: readonly PlacedChat[],
  options: InsertOptions,
): Promise<void> {
  const { database, schema, pipeline, load, persona, changed } = options;
  const rows = await chatRows(client, placed, database, await placeholderTools(client, schema, placed));
  const insert = async (sql: string, values: readonly unknown[], more: readonly unknown[] = []): Promise<void> => {
    if (values.length > 0) await client.query(sql, [storableJsonText(values, 'strip', changed), ...more]);
  };
  await insert(
    `insert into chat_session (id, user_id, description, deleted, shared_status, time_created, time_updated, persona_id, onyxbot_flow)
     select id, user_id, description, false, 'PRIVATE', created, updated, $2, false
       from json_to_recordset($1::json) as r(id uuid, user_id uuid, description text, created timestamptz, updated timestamptz)`,
    rows.sessions,
    [persona],
  );
  const model = database.optional.has('model_display_name') ? ', model_display_name' : '';
  await insert(
    `insert into chat_message (id, chat_session_id, parent_message_id, latest_child_message_id, message_type, message, token_count,
                               time_sent, reasoning_tokens, citations, error, files${model})
     select id, session, parent, latest, type, message, tokens, sent, reasoning, citations, error,
            case when type = 'USER' then '[]'::jsonb end${model}
       from json_to_recordset($1::json) as r(id int, session uuid, parent int, latest int, type text, message text, tokens int,
            sent timestamptz, reasoning text, citations jsonb, error text, model_display_name text)`,
    rows.messages,
  );
  await insert(
    `insert into tool_call (id, chat_session_id, parent_chat_message_id, turn_number, tab_index, tool_id, tool_call_id,
                            tool_call_arguments, tool_call_response, tool_call_tokens, reasoning_tokens)
     select id, session, message, turn, 0, tool, call, arguments, response, tokens, reasoning
       from json_to_recordset($1::json) as r(id int, session uuid, message int, turn int, tool int, call text, arguments jsonb,
            response text, tokens int, reasoning text)`,
    rows.calls,
  );
  await insert(
    `insert into search_doc (id, document_id, chunk_ind, semantic_id, link, blurb, boost, source_type, hidden, score,
                             match_highlights, doc_metadata, is_internet)
     select id, 'WEB_SEARCH_DOC_' || url, 0, title, url, blurb, 1, 'WEB', false, 1.0 / rank,
            case when blurb = '' then '{}'::varchar[] else array[blurb]::varchar[] end, '{}'::jsonb, true
       from json_to_recordset($1::json) as r(id int, url text, title text, blurb text, rank int)`,
    rows.documents,
  );
  await insert(
    `insert into chat_message__search_doc (chat_message_id, search_doc_id)
     select message, id from json_to_recordset($1::json) as r(message int, id int)`,
    rows.documents,
  );
  await insert(
    `insert into chat_feedback (chat_message_id, is_positive, predefined_feedback, feedback_text)
     select message, positive, tag, said from json_to_recordset($1::json) as r(message int, positive boolean, tag text, said text)`,
    rows.feedback,
  );
  await insert(
    `insert into etl.onyx_chat (schema, key, session_id, digest, pipeline, load)
     select $2, key, id, digest, $3, $4 from json_to_recordset($1::json) as r(key text, id uuid, digest text)`,
    rows.sessions,
    [schema, pipeline, load],
  );
  await insert(
    `insert into etl.onyx_message (session_id, source_id, message_id, latest_child)
     select session, source, id, latest from json_to_recordset($1::json) as r(session uuid, source text, id int, latest int)`,
    rows.messages,
  );
}
