-- The tables of Onyx v2.5 that a chat import touches (schema revision 6436661d5b65), from before the rewrite of v2.6.
CREATE SEQUENCE chat_feedback_id_seq AS integer;
CREATE SEQUENCE chat_message_id_seq AS integer;
CREATE SEQUENCE persona_id_seq AS integer;
CREATE SEQUENCE search_doc_id_seq AS integer;
CREATE SEQUENCE tool_call_id_seq AS integer;
CREATE SEQUENCE user_folder_id_seq AS integer;
CREATE TABLE "user" (
  id uuid NOT NULL,
  email varchar(320) NOT NULL,
  hashed_password varchar(1024) NOT NULL,
  is_active boolean NOT NULL,
  is_superuser boolean NOT NULL,
  is_verified boolean NOT NULL,
  role varchar(14) NOT NULL,
  oidc_expiry timestamptz,
  default_model text,
  visible_assistants jsonb DEFAULT '[]'::jsonb NOT NULL,
  hidden_assistants jsonb DEFAULT '[]'::jsonb NOT NULL,
  chosen_assistants jsonb,
  auto_scroll boolean,
  pinned_assistants jsonb,
  shortcut_enabled boolean DEFAULT false NOT NULL,
  temperature_override_enabled boolean DEFAULT false,
  personal_name varchar,
  personal_role varchar,
  use_memories boolean DEFAULT true NOT NULL,
  theme_preference varchar(6),
  CONSTRAINT ensure_lowercase_email CHECK (((email)::text = lower((email)::text))),
  CONSTRAINT user_pkey PRIMARY KEY (id)
);
CREATE TABLE persona (
  id integer DEFAULT nextval('persona_id_seq') NOT NULL,
  name varchar NOT NULL,
  deleted boolean NOT NULL,
  description varchar NOT NULL,
  num_chunks integer,
  llm_model_version_override varchar,
  user_id uuid,
  llm_relevance_filter boolean NOT NULL,
  llm_filter_extraction boolean NOT NULL,
  recency_bias varchar NOT NULL,
  is_visible boolean NOT NULL,
  display_priority integer,
  starter_messages jsonb,
  is_public boolean NOT NULL,
  llm_model_provider_override varchar,
  icon_color varchar,
  icon_shape integer,
  uploaded_image_id varchar,
  chunks_above integer NOT NULL,
  chunks_below integer NOT NULL,
  builtin_persona boolean NOT NULL,
  is_default_persona boolean DEFAULT false NOT NULL,
  search_start_date timestamptz,
  system_prompt varchar(5000000) NOT NULL,
  task_prompt varchar(5000000) NOT NULL,
  datetime_aware boolean DEFAULT true NOT NULL,
  CONSTRAINT persona_pkey PRIMARY KEY (id)
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
  CONSTRAINT chat_session_pkey PRIMARY KEY (id)
);
CREATE TABLE chat_message (
  message text NOT NULL,
  message_type varchar(9) NOT NULL,
  time_sent timestamptz DEFAULT now() NOT NULL,
  token_count integer NOT NULL,
  id integer DEFAULT nextval('chat_message_id_seq') NOT NULL,
  parent_message integer,
  latest_child_message integer,
  rephrased_query text,
  citations jsonb,
  error text,
  files jsonb,
  alternate_assistant_id integer,
  overridden_model varchar(255),
  chat_session_id uuid,
  refined_answer_improvement boolean,
  is_agentic boolean DEFAULT false NOT NULL,
  message_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', message)) STORED,
  research_type varchar,
  research_plan jsonb,
  research_answer_purpose varchar,
  CONSTRAINT chat_message_id_key UNIQUE (id)
);
CREATE TABLE tool_call (
  id integer DEFAULT nextval('tool_call_id_seq') NOT NULL,
  tool_id integer NOT NULL,
  tool_name varchar NOT NULL,
  tool_arguments jsonb NOT NULL,
  tool_result jsonb NOT NULL,
  message_id integer NOT NULL,
  CONSTRAINT uq_tool_call_message_id UNIQUE (message_id),
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
CREATE TABLE chat_feedback (
  id integer DEFAULT nextval('chat_feedback_id_seq') NOT NULL,
  is_positive boolean,
  feedback_text text,
  chat_message_id integer,
  required_followup boolean,
  predefined_feedback varchar,
  CONSTRAINT chat_feedback_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_user_email ON "user" (email);
ALTER TABLE persona ADD CONSTRAINT persona__user_fk FOREIGN KEY (user_id) REFERENCES "user"(id);
CREATE UNIQUE INDEX _builtin_persona_name_idx ON persona (name) WHERE (builtin_persona = true);
ALTER TABLE user_project ADD CONSTRAINT user_folder_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user"(id);
ALTER TABLE chat_session ADD CONSTRAINT chat_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user"(id) ON DELETE CASCADE;
ALTER TABLE chat_session ADD CONSTRAINT fk_chat_session_persona_id FOREIGN KEY (persona_id) REFERENCES persona(id);
ALTER TABLE chat_session ADD CONSTRAINT fk_chat_session_project_id FOREIGN KEY (project_id) REFERENCES user_project(id);
CREATE INDEX idx_chat_session_desc_tsv ON chat_session USING gin (description_tsv);
CREATE INDEX ix_chat_session_project_id ON chat_session (project_id);
ALTER TABLE chat_message ADD CONSTRAINT chat_message_chat_session_id_fkey FOREIGN KEY (chat_session_id) REFERENCES chat_session(id) ON DELETE CASCADE;
ALTER TABLE chat_message ADD CONSTRAINT fk_chat_message_persona FOREIGN KEY (alternate_assistant_id) REFERENCES persona(id);
CREATE INDEX idx_chat_message_tsv ON chat_message USING gin (message_tsv);
ALTER TABLE tool_call ADD CONSTRAINT tool_call_message_id_fkey FOREIGN KEY (message_id) REFERENCES chat_message(id) ON DELETE CASCADE;
ALTER TABLE chat_message__search_doc ADD CONSTRAINT chat_message__search_doc_chat_message_id_fkey FOREIGN KEY (chat_message_id) REFERENCES chat_message(id) ON DELETE CASCADE;
ALTER TABLE chat_message__search_doc ADD CONSTRAINT chat_message__search_doc_search_doc_id_fkey FOREIGN KEY (search_doc_id) REFERENCES search_doc(id) ON DELETE CASCADE;
ALTER TABLE chat_feedback ADD CONSTRAINT chat_feedback__chat_message_fk FOREIGN KEY (chat_message_id) REFERENCES chat_message(id) ON DELETE SET NULL;
ALTER SEQUENCE chat_feedback_id_seq OWNED BY chat_feedback.id;
ALTER SEQUENCE chat_message_id_seq OWNED BY chat_message.id;
ALTER SEQUENCE persona_id_seq OWNED BY persona.id;
ALTER SEQUENCE search_doc_id_seq OWNED BY search_doc.id;
ALTER SEQUENCE tool_call_id_seq OWNED BY tool_call.id;
ALTER SEQUENCE user_folder_id_seq OWNED BY user_project.id;
INSERT INTO persona (id, name, deleted, description, num_chunks, llm_relevance_filter, llm_filter_extraction, recency_bias, is_visible, display_priority, is_public,
  chunks_above, chunks_below, builtin_persona, is_default_persona, system_prompt, task_prompt, datetime_aware)
  VALUES (0, 'Assistant', false, 'built-in', 25, true, false, 'AUTO', true, 0, true, 0, 0, true, true, 'built-in', '', true);
