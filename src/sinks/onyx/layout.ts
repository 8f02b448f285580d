/** By the releases whose tables differ: A up to v1.9, B v1.10 to v2.5, C since v2.6.0 (2025-12). */
export type OnyxGeneration = 'A' | 'B' | 'C';

/** The generations, for people. */
export const releases: Readonly<Record<OnyxGeneration, string>> = {
  A: 'v1.9 or older',
  B: 'v1.10 to v2.5',
  C: 'v2.6 or newer',
};

/** Which columns are read and written, and how those are called that were renamed. */
export interface OnyxLayout {
  /** By table: these columns must be there. */
  readonly written: Readonly<Record<string, readonly string[]>>;
  /** Tables that rows go into: no other column of theirs may be required. */
  readonly filled: readonly string[];
  readonly parent: string;
  readonly latestChild: string;
  /** The column of an answer's model. */
  readonly model: string;
}

const filled = words('chat_session chat_message tool_call search_doc chat_message__search_doc chat_feedback');

const common: OnyxLayout['written'] = {
  user: ['id', 'email'],
  persona: ['id', 'name', 'deleted'],
  chat_session: words('id user_id description deleted shared_status time_created time_updated persona_id onyxbot_flow'),
  search_doc: words(
    'id document_id chunk_ind semantic_id link blurb boost source_type hidden score match_highlights doc_metadata is_internet',
  ),
  chat_message__search_doc: ['chat_message_id', 'search_doc_id'],
  chat_feedback: ['chat_message_id', 'is_positive', 'feedback_text', 'predefined_feedback'],
};

/** Since v1.10. */
const withProjects: OnyxLayout['written'] = {
  user_project: ['id', 'user_id', 'name'],
  chat_session: [...(common['chat_session'] ?? []), 'project_id'],
};

const older: OnyxLayout = {
  written: {
    ...common,
    chat_message: words(
      'id chat_session_id parent_message latest_child_message message message_type token_count time_sent files citations error',
    ),
    tool_call: words('id tool_id tool_name tool_arguments tool_result message_id'),
  },
  filled,
  parent: 'parent_message',
  latestChild: 'latest_child_message',
  model: 'overridden_model',
};

/** The known generations. @see Onyx's migrations 9b66d3156fc6 (A to B) and a852cbe15577 (B to C) */
export const generations: Readonly<Record<OnyxGeneration, OnyxLayout>> = {
  A: older,
  B: { ...older, written: { ...older.written, ...withProjects } },
  C: {
    written: {
      ...common,
      tool: words('id name display_name description enabled passthrough_auth'),
      ...withProjects,
      chat_message: words(
        'id chat_session_id parent_message_id latest_child_message_id message message_type token_count time_sent reasoning_tokens files citations error',
      ),
      tool_call: words(
        'id chat_session_id parent_chat_message_id turn_number tab_index tool_id tool_call_id tool_call_arguments tool_call_response tool_call_tokens reasoning_tokens',
      ),
    },
    filled: ['tool', 'user_project', ...filled],
    parent: 'parent_message_id',
    latestChild: 'latest_child_message_id',
    model: 'model_display_name',
  },
};

function words(text: string): string[] {
  return text.split(' ');
}
