import pLimit from 'p-limit';

import { CredentialsFile } from './credentials-file.ts';
import type { AccountResult, OnyxAccounts } from './onyx-accounts.ts';
import type { NewUser } from './onyx-new-users.ts';
import { temporaryPassword } from './temporary-password.ts';

/** Who gets an account, and where the passwords go. */
export interface CreateUsersOptions {
  readonly users: readonly NewUser[];
  /** Addresses to leave out, in any case of letters. */
  readonly skipEmails?: readonly string[] | undefined;
  /** File for the passwords: JSON lines, for its owner only. Made with the first account. */
  readonly output: string;
  /** Whose account is made first; see {@link OnyxAccounts}. */
  readonly admin?: string | undefined;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onUser?: ((user: NewUser, outcome: UserOutcome) => void) | undefined;
}

/** What became of one: made, there already, left out on demand, or refused by Onyx for a reason. */
export type UserOutcome = AccountResult | 'skipped' | 'wouldCreate';

export interface CreateUsersReport {
  readonly created: number;
  readonly wouldCreate: number;
  readonly exists: number;
  readonly skipped: number;
  readonly refused: number;
  /** Where the passwords are; nothing when no account was made. */
  readonly output: string | undefined;
}

/**
 * Makes an account in Onyx for everybody who has none, each with a strong password of its own.
 *
 * Passwords go to `output` and nowhere else; each is on the disk before its account is made. Those who are there already are
 * left as they are, so that a second run makes nothing. What Onyx refuses about one does not stop the others.
 *
 * @throws {EtlError} what `accounts` throws; `ETL_SINK_FAILED` when the file cannot be written.
 */
export async function onyxCreateUsers(accounts: OnyxAccounts, options: CreateUsersOptions): Promise<CreateUsersReport> {
  const { output, dryRun = false, signal, onUser } = options;
  const counts = { created: 0, wouldCreate: 0, exists: 0, skipped: 0, refused: 0 };
  const tell = (user: NewUser, outcome: UserOutcome): void => {
    counts[typeof outcome === 'string' ? outcome : 'refused'] += 1;
    onUser?.(user, outcome);
  };
  const skip = new Set(options.skipEmails?.map((email) => email.trim().toLowerCase()));
  const existing = await accounts.existing();
  const missing: NewUser[] = [];
  for (const user of adminFirst(options.users, options.admin)) {
    const email = user.email.toLowerCase();
    if (skip.has(email)) tell(user, 'skipped');
    else if (existing.has(email)) tell(user, 'exists');
    else if (dryRun) tell(user, 'wouldCreate');
    else missing.push(user);
  }
  const file = new CredentialsFile(output);
  const make = async (user: NewUser): Promise<void> => {
    signal.throwIfAborted();
    const password = temporaryPassword();
    await file.add({ email: user.email, password: accounts.takesPasswords ? password : null, role: 'basic' });
    const outcome = await accounts.create(user, password);
    if (outcome !== 'created') file.withdraw(user.email);
    tell(user, outcome);
  };
  try {
    await allOf(missing, make, accounts.concurrency);
  } finally {
    await file.close();
  }
  return { ...counts, output: file.accounts > 0 ? output : undefined };
}

function adminFirst(users: readonly NewUser[], admin: string | undefined): readonly NewUser[] {
  const first = users.filter(({ email }) => email.toLowerCase() === admin?.toLowerCase());
  return [...first, ...users.filter((user) => !first.includes(user))];
}

/** All of them, some at a time; after an error none is begun, and those under way end before it is thrown. */
async function allOf<T>(items: readonly T[], work: (item: T) => Promise<void>, concurrency: number): Promise<void> {
  const limit = pLimit(concurrency);
  let failed = false;
  const all = items.map((item) =>
    limit(async () => {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }),
  );
  for (const settled of await Promise.allSettled(all)) if (settled.status === 'rejected') throw settled.reason;
}
