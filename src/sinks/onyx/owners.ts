import { createHash, randomBytes, randomUUID } from 'node:crypto';

import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import type { Owner } from '../../models/conversation.ts';
import type { OnyxDatabase } from './generation.ts';

/** The rows that Onyx itself makes: nobody signs in as them. */
const builtIn = ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'];

/** Accounts by e-mail address, in small letters. */
export async function findOwners(
  client: PostgresClient,
  emails: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ id: string; email: string }>(
    'select id, email from "user" where email = any($1) and id <> all($2::uuid[])',
    // An address that PostgreSQL cannot hold is nobody's.
    [[...emails].filter((email) => email.isWellFormed() && !email.includes('\0')), builtIn],
  );
  return new Map(rows.map(({ id, email }) => [email, id]));
}

/**
 * Makes an account that its owner can take over: by signing in through a directory, or by a new password. The password that
 * it has is random and nobody's.
 *
 * Each row is inserted alone: into an Onyx in which nobody has signed up, the first account becomes the administrator and
 * inherits what was made without accounts (a trigger does that), and a statement of several rows would make it ambiguous
 * which. Gives true with the id when this one was the first.
 */
export async function createOwner(
  client: PostgresClient,
  { email = '', name }: Owner,
  database: OnyxDatabase,
): Promise<{ readonly id: string; readonly isFirst: boolean }> {
  const { rows: before } = await client.query<{ first: boolean }>(
    'select not exists (select 1 from "user" where id <> all($1::uuid[])) as first',
    [builtIn],
  );
  const values: Record<string, unknown> = {
    id: randomUUID(),
    email: email.toLowerCase(),
    hashed_password: unknownPassword(),
    is_active: true,
    is_superuser: false,
    is_verified: true,
    // Read up to v2.5 only; without a default there.
    role: database.generation === 'C' ? null : 'BASIC',
    account_type: 'STANDARD',
    effective_permissions: '["basic"]',
    personal_name: name ?? null,
  };
  const columns = Object.keys(values).filter((column) => database.has('user', column));
  const { rows } = await client.query<{ id: string }>(
    `insert into "user" (${columns.join(', ')}) values (${columns.map((_, place) => `$${place + 1}`).join(', ')})
     on conflict (email) do nothing returning id`,
    columns.map((column) => values[column]),
  );
  const id = rows[0]?.id ?? (await findOwners(client, new Set([email.toLowerCase()]))).get(email.toLowerCase()) ?? '';
  if (database.has('user__user_group', 'user_group_id') && database.has('user_group', 'is_default')) {
    // Without a group the account may do nothing.
    await client.query(
      `insert into user__user_group (user_group_id, user_id)
       select id, $1 from user_group where is_default and name = 'Basic' on conflict do nothing`,
      [id],
    );
  }
  return { id, isFirst: before[0]?.first === true };
}

const shown = 20;

/** People who have chats and no account, by their addresses, and how many owners of chats have no address. */
export function missingOwnersError(
  emails: readonly string[],
  withoutEmail: number,
  where: { readonly record?: string } = {},
): EtlError {
  const nameless = withoutEmail === 1 ? 'an owner' : `${withoutEmail} owners`;
  const who = [
    ...(emails.length > 0 ? [namesOf(emails)] : []),
    ...(withoutEmail > 0 ? [`${nameless} without an e-mail address`] : []),
  ];
  const make = '`etl onyx create-users` makes accounts, as `--users create` (`users: create`) does on the way.';
  const leave =
    withoutEmail > 0
      ? 'Without an address there can be no account: `--users skip` (`users: skip`) leaves such chats out, `--user-email` brings those of one person into the account of another.'
      : '`--users skip` (`users: skip`) leaves their chats out.';
  return new EtlError('ETL_SINK_FAILED', `Onyx has no account for ${who.join(', and for ')}`, {
    where,
    hint: [...(emails.length > 0 ? [make] : []), leave].join(' '),
  });
}

/** The first of many. */
export function namesOf(emails: readonly string[]): string {
  const more = emails.length - shown;
  return more > 0 ? `${emails.slice(0, shown).join(', ')} and ${more} more` : emails.join(', ');
}

/** A bcrypt hash of nothing: its form is valid, so that a try to sign in is refused and does not fail. */
function unknownPassword(): string {
  const digits = createHash('sha512').update(randomBytes(64)).digest('base64').replaceAll('+', '.').replaceAll('=', '');
  return `$2b$12$${digits.slice(0, 21)}u${digits.slice(21, 52)}`;
}
