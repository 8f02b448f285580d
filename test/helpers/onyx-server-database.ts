import { readFile } from 'node:fs/promises';

import { onyxDatabase } from './onyx/database.ts';
import { query } from './postgres.ts';

/**
 * A database with all of Onyx's tables that accounts, chats and files need. Without addresses nobody has signed up yet: the
 * first account inherits and becomes the administrator, as in a new Onyx.
 */
export async function onyxServerDatabase(emails: readonly string[] = []): Promise<string> {
  const url = await onyxDatabase(emails);
  await query(url, 'create extension if not exists pgcrypto');
  await query(url, await readFile(new URL('./onyx-server-tables.sql', import.meta.url), 'utf8'));
  const trigger = `create trigger trg_migrate_no_auth_data after insert on "user"
    for each row execute function migrate_no_auth_data_to_user()`;
  if (emails.length === 0) await query(url, trigger);
  return url;
}
