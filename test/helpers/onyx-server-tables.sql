-- What accounts and uploads need besides the tables of chats: groups, files, and the trigger that makes the first account of an
-- Onyx the heir of what was made before anybody had one. As Onyx's migrations leave them (schema revision 28bb08137807).
CREATE TABLE IF NOT EXISTS user_group (
  id serial PRIMARY KEY,
  name varchar NOT NULL UNIQUE,
  is_up_to_date boolean NOT NULL,
  is_up_for_deletion boolean NOT NULL,
  is_default boolean DEFAULT false NOT NULL
);
CREATE TABLE IF NOT EXISTS user__user_group (
  user_group_id integer NOT NULL REFERENCES user_group (id),
  user_id uuid NOT NULL REFERENCES "user" (id),
  is_curator boolean DEFAULT false NOT NULL,
  is_manager boolean DEFAULT false NOT NULL,
  PRIMARY KEY (user_group_id, user_id)
);
INSERT INTO user_group (name, is_up_to_date, is_up_for_deletion, is_default)
  VALUES ('Admin', true, false, true), ('Basic', true, false, true) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS file_record (
  file_id varchar PRIMARY KEY,
  display_name varchar,
  file_origin varchar DEFAULT 'connector' NOT NULL,
  file_type varchar DEFAULT 'text/plain' NOT NULL,
  file_metadata jsonb,
  bucket_name varchar,
  object_key varchar,
  created_at timestamptz DEFAULT now() NOT NULL,
  updated_at timestamptz DEFAULT now() NOT NULL,
  file_size bigint
);
CREATE TABLE IF NOT EXISTS user_file (
  user_id uuid REFERENCES "user" (id) ON DELETE CASCADE,
  link_url varchar,
  token_count integer,
  file_type varchar,
  file_id varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  created_at timestamp,
  content_type varchar,
  id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  status varchar(10) DEFAULT 'PROCESSING' NOT NULL,
  chunk_count integer,
  last_accessed_at timestamptz,
  needs_project_sync boolean DEFAULT false NOT NULL,
  last_project_sync_at timestamptz,
  needs_persona_sync boolean DEFAULT false NOT NULL,
  secondary_reconcile_pending boolean DEFAULT false NOT NULL,
  incognito boolean DEFAULT false NOT NULL,
  incognito_session_id uuid,
  CHECK (status IN ('PROCESSING', 'INDEXING', 'COMPLETED', 'SKIPPED', 'FAILED', 'CANCELED', 'DELETING'))
);
CREATE OR REPLACE FUNCTION migrate_no_auth_data_to_user() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000001';
BEGIN
  IF NEW.id IN (nobody, '00000000-0000-0000-0000-000000000002') OR NOT NEW.is_active THEN
    RETURN NULL;
  END IF;
  PERFORM 1 FROM "user" WHERE id = nobody FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE chat_session SET user_id = NEW.id WHERE user_id = nobody;
    UPDATE "user" SET role = 'ADMIN' WHERE id = NEW.id;
    DELETE FROM "user" WHERE id = nobody;
  END IF;
  DROP TRIGGER IF EXISTS trg_migrate_no_auth_data ON "user";
  RETURN NULL;
END $$;
