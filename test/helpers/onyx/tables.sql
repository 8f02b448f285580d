-- The tables of Onyx that a chat import touches, after v4.6.1 (schema revision 28bb08137807): columns, constraints and indexes as
-- its migrations make them, with the rows that an empty installation starts with, as far as an import looks at them.
CREATE SEQUENCE user_folder_id_seq AS integer;
CREATE SEQUENCE chat_feedback_id_seq AS integer;
CREATE SEQUENCE chat_message_id_seq AS integer;
CREATE SEQUENCE persona_id_seq AS integer;
CREATE SEQUENCE search_doc_id_seq AS integer;
CREATE SEQUENCE tool_call_id_seq AS integer;
CREATE SEQUENCE tool_id_seq AS integer;
CREATE TABLE "user" (
  id uuid NOT NULL,
  email varchar(320) NOT NULL,
  hashed_password varchar(1024) NOT NULL,
  is_active boolean NOT NULL,
  is_superuser boolean NOT NULL,
  is_verified boolean NOT NULL,
  role varchar(14),
  oidc_expiry timestamptz,
  default_model text,
  visible_assistants jsonb DEFAULT '[]'::jsonb NOT NULL,
  hidden_assistants jsonb DEFAULT '[]'::jsonb NOT NULL,
  chosen_assistants jsonb,
  auto_scroll boolean,
  shortcut_enabled boolean DEFAULT false NOT NULL,
  temperature_override_enabled boolean DEFAULT false,
  personal_name varchar,
  personal_role varchar,
  use_memories boolean DEFAULT true NOT NULL,
  theme_preference varchar(6),
  chat_background varchar,
  user_preferences text,
  default_app_mode varchar DEFAULT 'CHAT' NOT NULL,
  enable_memory_tool boolean DEFAULT true NOT NULL,
  created_at timestamptz DEFAULT now() NOT NULL,
  updated_at timestamptz DEFAULT now() NOT NULL,
  voice_auto_send boolean DEFAULT false NOT NULL,
  voice_auto_playback boolean DEFAULT false NOT NULL,
  voice_playback_speed float8 DEFAULT '1'::float8 NOT NULL,
  account_type varchar(15) DEFAULT 'STANDARD' NOT NULL,
  effective_permissions jsonb DEFAULT '[]'::jsonb NOT NULL,
  paste_as_tile boolean DEFAULT false NOT NULL,
  language varchar DEFAULT 'en' NOT NULL,
  craft_enabled boolean,
  prior_emails varchar[] DEFAULT '{}'::varchar[] NOT NULL,
  is_group_manager boolean DEFAULT false NOT NULL,
  CONSTRAINT user_pkey PRIMARY KEY (id),
  CONSTRAINT ensure_lowercase_email CHECK (((email)::text = lower((email)::text)))
);
CREATE TABLE persona (
  id integer DEFAULT nextval('persona_id_seq') NOT NULL,
  name varchar NOT NULL,
  deleted boolean NOT NULL,
  description varchar NOT NULL,
  user_id uuid,
  is_listed boolean NOT NULL,
  display_priority integer,
  starter_messages jsonb,
  is_public boolean NOT NULL,
  uploaded_image_id varchar,
  builtin_persona boolean NOT NULL,
  search_start_date timestamptz,
  system_prompt varchar(5000000),
  task_prompt varchar(5000000),
  datetime_aware boolean DEFAULT true NOT NULL,
  replace_base_system_prompt boolean DEFAULT false NOT NULL,
  icon_name varchar,
  is_featured boolean DEFAULT false NOT NULL,
  owner_group_id integer,
  public_permission varchar DEFAULT 'VIEWER' NOT NULL,
  CONSTRAINT persona_pkey PRIMARY KEY (id),
  CONSTRAINT ck_persona_single_owner CHECK (((user_id IS NULL) OR (owner_group_id IS NULL)))
);
CREATE TABLE tool (
  id integer DEFAULT nextval('tool_id_seq') NOT NULL,
  name varchar NOT NULL,
  description text,
  in_code_tool_id varchar,
  openapi_schema jsonb,
  user_id uuid,
  display_name varchar,
  custom_headers jsonb,
  passthrough_auth boolean DEFAULT false NOT NULL,
  mcp_server_id integer,
  mcp_input_schema jsonb,
  enabled boolean NOT NULL,
  oauth_config_id integer,
  CONSTRAINT tool_pkey PRIMARY KEY (id)
);
CREATE TABLE user_project (
  id integer DEFAULT nextval('user_folder_id_seq') NOT NULL,
  user_id uuid,
  name varchar(255),
  description varchar(255),
  display_priority integer,
  created_at timestamptz DEFAULT now(),
  instructions varchar,
  CONSTRAINT user_folder_pkey PRIMARY KEY (id)
);
CREATE TABLE chat_session (
  user_id uuid,
  description text,
  deleted boolean NOT NULL,
  time_updated timestamptz DEFAULT now() NOT NULL,
  time_created timestamptz DEFAULT now() NOT NULL,
  persona_id integer,
  shared_status varchar(7) NOT NULL,
  llm_override jsonb,
  prompt_override jsonb,
  onyxbot_flow boolean NOT NULL,
  current_alternate_model varchar,
  slack_thread_id varchar,
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  temperature_override float8,
  description_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', COALESCE(description, ''::text))) STORED,
  project_id integer,
  reasoning_effort_override varchar,
  incognito_record_mode varchar,
  CONSTRAINT chat_session_pkey PRIMARY KEY (id)
);
CREATE TABLE chat_message (
  message text NOT NULL,
  message_type varchar(9) NOT NULL,
  time_sent timestamptz DEFAULT now() NOT NULL,
  token_count integer NOT NULL,
  id integer DEFAULT nextval('chat_message_id_seq') NOT NULL,
  parent_message_id integer,
  latest_child_message_id integer,
  citations jsonb,
  error text,
  files jsonb,
  chat_session_id uuid,
  message_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', message)) STORED,
  reasoning_tokens text,
  is_clarification boolean DEFAULT false NOT NULL,
  processing_duration_seconds float8,
  last_summarized_message_id integer,
  preferred_response_id integer,
  model_display_name varchar,
  request_params jsonb,
  CONSTRAINT chat_message_id_key UNIQUE (id)
);
CREATE TABLE tool_call (
  id integer DEFAULT nextval('tool_call_id_seq') NOT NULL,
  tool_id integer NOT NULL,
  tool_call_arguments jsonb NOT NULL,
  tool_call_response text NOT NULL,
  parent_chat_message_id integer,
  chat_session_id uuid NOT NULL,
  parent_tool_call_id integer,
  turn_number integer DEFAULT 0 NOT NULL,
  tool_call_id varchar DEFAULT '' NOT NULL,
  reasoning_tokens text,
  tool_call_tokens integer DEFAULT 0 NOT NULL,
  generated_images jsonb,
  tab_index integer DEFAULT 0 NOT NULL,
  CONSTRAINT tool_call_pkey PRIMARY KEY (id)
);
CREATE TABLE search_doc (
  id integer DEFAULT nextval('search_doc_id_seq') NOT NULL,
  document_id varchar NOT NULL,
  chunk_ind integer NOT NULL,
  semantic_id varchar NOT NULL,
  link varchar,
  blurb varchar NOT NULL,
  boost integer NOT NULL,
  source_type varchar(50) NOT NULL,
  hidden boolean NOT NULL,
  score float8 NOT NULL,
  match_highlights varchar[] NOT NULL,
  updated_at timestamptz,
  primary_owners varchar[],
  secondary_owners varchar[],
  doc_metadata jsonb NOT NULL,
  is_internet boolean,
  is_relevant boolean,
  relevance_explanation varchar,
  CONSTRAINT search_doc_pkey PRIMARY KEY (id)
);
CREATE TABLE chat_message__search_doc (
  chat_message_id integer NOT NULL,
  search_doc_id integer NOT NULL,
  CONSTRAINT chat_message__search_doc_pkey PRIMARY KEY (chat_message_id, search_doc_id)
);
CREATE TABLE tool_call__search_doc (
  tool_call_id integer NOT NULL,
  search_doc_id integer NOT NULL,
  CONSTRAINT tool_call__search_doc_pkey PRIMARY KEY (tool_call_id, search_doc_id)
);
CREATE TABLE chat_feedback (
  id integer DEFAULT nextval('chat_feedback_id_seq') NOT NULL,
  is_positive boolean,
  feedback_text text,
  chat_message_id integer,
  required_followup boolean,
  predefined_feedback varchar,
  CONSTRAINT chat_feedback_pkey PRIMARY KEY (id)
);
CREATE TABLE key_value_store (
  key varchar NOT NULL,
  value jsonb,
  encrypted_value bytea,
  CONSTRAINT key_value_store_pkey PRIMARY KEY (key)
);
CREATE UNIQUE INDEX ix_user_email ON "user" (email);
ALTER TABLE persona ADD CONSTRAINT persona__user_fk FOREIGN KEY (user_id) REFERENCES "user"(id) ON DELETE SET NULL;
CREATE UNIQUE INDEX _builtin_persona_name_idx ON persona (name) WHERE (builtin_persona = true);
ALTER TABLE tool ADD CONSTRAINT tool_user_fk FOREIGN KEY (user_id) REFERENCES "user"(id);
ALTER TABLE user_project ADD CONSTRAINT user_folder_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user"(id);
ALTER TABLE chat_session ADD CONSTRAINT chat_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user"(id) ON DELETE CASCADE;
ALTER TABLE chat_session ADD CONSTRAINT fk_chat_session_persona_id FOREIGN KEY (persona_id) REFERENCES persona(id);
ALTER TABLE chat_session ADD CONSTRAINT fk_chat_session_project_id FOREIGN KEY (project_id) REFERENCES user_project(id);
CREATE INDEX idx_chat_session_desc_tsv ON chat_session USING gin (description_tsv);
CREATE INDEX ix_chat_session_project_id ON chat_session (project_id);
CREATE INDEX ix_chat_session_user_id_onyxbot_flow_time_updated ON chat_session (user_id, onyxbot_flow, time_updated DESC);
ALTER TABLE chat_message ADD CONSTRAINT chat_message_chat_session_id_fkey FOREIGN KEY (chat_session_id) REFERENCES chat_session(id) ON DELETE CASCADE;
ALTER TABLE chat_message ADD CONSTRAINT chat_message_last_summarized_message_id_fkey FOREIGN KEY (last_summarized_message_id) REFERENCES chat_message(id) ON DELETE SET NULL;
ALTER TABLE chat_message ADD CONSTRAINT chat_message_preferred_response_id_fkey FOREIGN KEY (preferred_response_id) REFERENCES chat_message(id) ON DELETE SET NULL;
ALTER TABLE chat_message ADD CONSTRAINT fk_chat_message_latest_child_message_id FOREIGN KEY (latest_child_message_id) REFERENCES chat_message(id);
ALTER TABLE chat_message ADD CONSTRAINT fk_chat_message_parent_message_id FOREIGN KEY (parent_message_id) REFERENCES chat_message(id);
CREATE INDEX idx_chat_message_tsv ON chat_message USING gin (message_tsv);
CREATE INDEX ix_chat_message_chat_session_id ON chat_message (chat_session_id);
ALTER TABLE tool_call ADD CONSTRAINT fk_tool_call_chat_session_id FOREIGN KEY (chat_session_id) REFERENCES chat_session(id) ON DELETE CASCADE;
ALTER TABLE tool_call ADD CONSTRAINT fk_tool_call_parent_chat_message_id FOREIGN KEY (parent_chat_message_id) REFERENCES chat_message(id) ON DELETE CASCADE;
ALTER TABLE tool_call ADD CONSTRAINT fk_tool_call_parent_tool_call_id FOREIGN KEY (parent_tool_call_id) REFERENCES tool_call(id) ON DELETE CASCADE;
ALTER TABLE chat_message__search_doc ADD CONSTRAINT chat_message__search_doc_chat_message_id_fkey FOREIGN KEY (chat_message_id) REFERENCES chat_message(id) ON DELETE CASCADE;
ALTER TABLE chat_message__search_doc ADD CONSTRAINT chat_message__search_doc_search_doc_id_fkey FOREIGN KEY (search_doc_id) REFERENCES search_doc(id) ON DELETE CASCADE;
ALTER TABLE tool_call__search_doc ADD CONSTRAINT tool_call__search_doc_search_doc_id_fkey FOREIGN KEY (search_doc_id) REFERENCES search_doc(id) ON DELETE CASCADE;
ALTER TABLE tool_call__search_doc ADD CONSTRAINT tool_call__search_doc_tool_call_id_fkey FOREIGN KEY (tool_call_id) REFERENCES tool_call(id) ON DELETE CASCADE;
ALTER TABLE chat_feedback ADD CONSTRAINT chat_feedback__chat_message_fk FOREIGN KEY (chat_message_id) REFERENCES chat_message(id) ON DELETE SET NULL;
ALTER SEQUENCE chat_feedback_id_seq OWNED BY chat_feedback.id;
ALTER SEQUENCE chat_message_id_seq OWNED BY chat_message.id;
ALTER SEQUENCE persona_id_seq OWNED BY persona.id;
ALTER SEQUENCE search_doc_id_seq OWNED BY search_doc.id;
ALTER SEQUENCE tool_call_id_seq OWNED BY tool_call.id;
ALTER SEQUENCE tool_id_seq OWNED BY tool.id;
ALTER SEQUENCE user_folder_id_seq OWNED BY user_project.id;
INSERT INTO "user" (id, email, hashed_password, is_active, is_superuser, is_verified, account_type) VALUES
  ('00000000-0000-0000-0000-000000000001', 'no-auth-placeholder@onyx.app', '', false, false, false, 'STANDARD'),
  ('00000000-0000-0000-0000-000000000002', 'anonymous@onyx.app', '', true, false, true, 'ANONYMOUS');
INSERT INTO persona (id, name, deleted, description, is_listed, is_public, builtin_persona) VALUES (0, 'Assistant', false, '', true, true, true);
INSERT INTO tool (id, name, in_code_tool_id, display_name, enabled) VALUES (1, 'internal_search', 'SearchTool', 'Internal Search', true),
  (3, 'web_search', 'WebSearchTool', 'Web Search', true), (6, 'run_python', 'PythonTool', 'Code Interpreter', true);
SELECT setval('tool_id_seq', 6);
