import type { Json } from '../../json.ts';
import type { OnyxChat, OnyxDocument, OnyxFeedback, OnyxMessage, OnyxToolCall } from '../../models/onyx.ts';
import { CopyTable, type CopyColumn } from './copy-table.ts';
import type { OnyxDatabase } from './generation.ts';
import type { PlacedChat } from './placed-chat.ts';

/** What the rows of a load are made with. */
export interface RowOptions {
  readonly database: OnyxDatabase;
  readonly schema: string;
  readonly load: string;
  /** Called when text was changed because PostgreSQL cannot hold it. */
  readonly changed: () => void;
}

interface MessageRow {
  readonly id: number;
  readonly chat: OnyxChat;
  readonly message: OnyxMessage;
  readonly parent: number | null;
  readonly latestChild: number | null;
  readonly citations: Json;
  readonly files: Json;
}

interface DocumentRow {
  readonly id: number;
  readonly messageId: number;
  readonly document: OnyxDocument;
  /** From 0. */
  readonly rank: number;
}

interface CallRow {
  readonly id: number;
  readonly chat: OnyxChat;
  readonly messageId: number;
  readonly call: OnyxToolCall;
  readonly toolId: number;
}

/** The tables that chats are written to, in the order they are filled. */
export interface ChatTables {
  readonly chats: CopyTable<PlacedChat>;
  readonly sessions: CopyTable<PlacedChat>;
  readonly messages: CopyTable<MessageRow>;
  readonly calls: CopyTable<CallRow>;
  readonly documents: CopyTable<DocumentRow>;
  readonly links: CopyTable<DocumentRow>;
  readonly feedback: CopyTable<{ readonly messageId: number; readonly feedback: OnyxFeedback }>;
  readonly sources: CopyTable<MessageRow>;
}

const documentColumns: readonly CopyColumn<DocumentRow>[] = [
  ['id', 'int4', ({ id }) => id],
  ['document_id', 'varchar', ({ document }) => `WEB_SEARCH_DOC_${document.url}`],
  ['chunk_ind', 'int4', () => 0],
  ['semantic_id', 'varchar', ({ document }) => document.title],
  ['link', 'varchar', ({ document }) => document.url],
  ['blurb', 'varchar', ({ document }) => document.text],
  ['boost', 'int4', () => 1],
  ['source_type', 'varchar', () => 'WEB'],
  ['hidden', 'bool', () => false],
  ['score', 'float8', ({ rank }) => 1 / (rank + 1)],
  ['match_highlights', '_varchar', ({ document }) => (document.text === '' ? [] : [document.text])],
  ['doc_metadata', 'jsonb', () => ({})],
  ['is_internet', 'bool', () => true],
];

const callColumns: readonly CopyColumn<CallRow>[] = [
  ['id', 'int4', ({ id }) => id],
  ['chat_session_id', 'uuid', ({ chat }) => chat.sessionId],
  ['parent_chat_message_id', 'int4', ({ messageId }) => messageId],
  ['turn_number', 'int4', ({ call }) => call.turn],
  ['tab_index', 'int4', () => 0],
  ['tool_id', 'int4', ({ toolId }) => toolId],
  ['tool_call_id', 'varchar', ({ call }) => call.id],
  ['tool_call_arguments', 'jsonb', ({ call }) => call.arguments],
  ['tool_call_response', 'text', ({ call }) => call.response],
  ['tool_call_tokens', 'int4', ({ call }) => call.tokens],
  ['reasoning_tokens', 'text', ({ call }) => call.reasoning],
];

/** Up to v2.5 a message has one call at most. */
const olderCallColumns: readonly CopyColumn<CallRow>[] = [
  ['id', 'int4', ({ id }) => id],
  ['message_id', 'int4', ({ messageId }) => messageId],
  ['tool_id', 'int4', ({ toolId }) => toolId],
  ['tool_name', 'varchar', ({ call }) => call.name],
  ['tool_arguments', 'jsonb', ({ call }) => call.arguments],
  ['tool_result', 'jsonb', ({ call }) => call.response],
];

/** Empty tables of the database's own generation, ready for rows. */
export function chatTables({ database, schema, load, changed }: RowOptions): ChatTables {
  const encoding = { unstorable: 'strip', changed } as const;
  const table = <Row>(name: string, columns: readonly CopyColumn<Row>[]): CopyTable<Row> =>
    new CopyTable(name, columns, encoding);
  /** A column that only some releases have. */
  const optional = <Row>(of: string, column: CopyColumn<Row>): readonly CopyColumn<Row>[] =>
    database.has(of, column[0]) ? [column] : [];
  return {
    chats: table<PlacedChat>('etl.onyx_chat', [
      ['schema', 'text', () => schema],
      ['key', 'text', ({ key }) => key],
      ['session_id', 'uuid', ({ chat }) => chat.sessionId],
      ['digest', 'text', ({ digest }) => digest],
      ['load', 'uuid', () => load],
    ]),
    sessions: table<PlacedChat>('chat_session', [
      ['id', 'uuid', ({ chat }) => chat.sessionId],
      ['user_id', 'uuid', ({ userId }) => userId],
      ['description', 'text', ({ chat }) => chat.title],
      ['deleted', 'bool', () => false],
      ['shared_status', 'varchar', () => 'PRIVATE'],
      ['time_created', 'micros', ({ chat }) => chat.timeCreated],
      ['time_updated', 'micros', ({ chat }) => chat.timeUpdated],
      ['persona_id', 'int4', ({ personaId }) => personaId],
      ['onyxbot_flow', 'bool', () => false],
      ...optional<PlacedChat>('chat_session', ['project_id', 'int4', ({ projectId }) => projectId]),
    ]),
    messages: table<MessageRow>('chat_message', [
      ['id', 'int4', ({ id }) => id],
      ['chat_session_id', 'uuid', ({ chat }) => chat.sessionId],
      [database.parent, 'int4', ({ parent }) => parent],
      [database.latestChild, 'int4', ({ latestChild }) => latestChild],
      ['message_type', 'varchar', ({ message }) => message.type],
      ['message', 'text', ({ message }) => message.text],
      ['token_count', 'int4', ({ message }) => message.tokens],
      ['time_sent', 'micros', ({ message }) => message.timeSent],
      ['citations', 'jsonb', ({ citations }) => citations],
      ['error', 'text', ({ message }) => message.error],
      ['files', 'jsonb', ({ files }) => files],
      ...optional<MessageRow>('chat_message', ['reasoning_tokens', 'text', ({ message }) => message.reasoning]),
      ...optional<MessageRow>('chat_message', [database.model, 'varchar', ({ message }) => message.model]),
    ]),
    calls: table('tool_call', database.generation === 'C' ? callColumns : olderCallColumns),
    documents: table('search_doc', documentColumns),
    links: table<DocumentRow>('chat_message__search_doc', [
      ['chat_message_id', 'int4', ({ messageId }) => messageId],
      ['search_doc_id', 'int4', ({ id }) => id],
    ]),
    feedback: table<{ readonly messageId: number; readonly feedback: OnyxFeedback }>('chat_feedback', [
      ['chat_message_id', 'int4', ({ messageId }) => messageId],
      ['is_positive', 'bool', ({ feedback }) => feedback.isPositive],
      ['predefined_feedback', 'varchar', ({ feedback }) => feedback.tag],
      ['feedback_text', 'text', ({ feedback }) => feedback.text],
    ]),
    sources: table<MessageRow>('etl.onyx_message', [
      ['schema', 'text', () => schema],
      ['session_id', 'uuid', ({ chat }) => chat.sessionId],
      ['source_id', 'text', ({ message }) => message.sourceId],
      ['message_id', 'int4', ({ id }) => id],
      ['latest_child', 'int4', ({ latestChild }) => latestChild],
      ['files', 'int4', ({ files }) => (Array.isArray(files) ? files.length : 0)],
    ]),
  };
}
