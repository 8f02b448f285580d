import pLimit from 'p-limit';

import { httpFaultOf } from '../connections/http-fault.ts';
import { EtlError } from '../errors.ts';
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
  /** Who becomes the administrator of an Onyx in which nobody has an account; one of `users`. */
  readonly admin?: string | undefined;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Begins no other account; those under way are made. */
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
}

/**
 * Makes an account in Onyx for everybody who has none, each with a strong password of its own.
 *
 * Passwords go to `output` and nowhere else; each is on the disk before its account is made. Those who are there already are
 * left as they are, so that a second run makes nothing. What Onyx refuses about one does not stop the others.
 *
 * @throws {EtlError} what `accounts` throws; `ETL_ABORTED` when it was stopped; `ETL_SINK_FAILED` when the file cannot be written, and for an Onyx in which
 *   nobody has an account when `admin` does not say who becomes its administrator.
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
  const [first] = missing;
  if (accounts.makesAdministrator && existing.size === 0 && first !== undefined && !isSame(first.email, options.admin))
    throw nobodyYet();
  const file = new CredentialsFile(output);
  const make = async (user: NewUser): Promise<void> => {
    if (signal.aborted) throw stopped();
    const password = temporaryPassword();
    await file.add({ email: user.email, password: accounts.takesPasswords ? password : null, role: 'basic' });
    const outcome = await accounts.create(user, password).catch((error: unknown) => {
      if (isCertain(error)) file.withdraw(user.email);
      throw error;
    });
    if (outcome !== 'created') file.withdraw(user.email);
    tell(user, outcome);
  };
  try {
    await allOf(missing, make, accounts.concurrency);
  } finally {
    await file.close();
  }
  return counts;
}

function adminFirst(users: readonly NewUser[], admin: string | undefined): readonly NewUser[] {
  const first = users.filter(({ email }) => isSame(email, admin));
  return [...first, ...users.filter((user) => !first.includes(user))];
}

function isSame(email: string, other: string | undefined): boolean {
  return email.toLowerCase() === other?.toLowerCase();
}

/** Whether the account was not made for sure: there was an answer. */
function isCertain(error: unknown): boolean {
  if (!(error instanceof EtlError) || error.code === 'ETL_CONNECT_FAILED') return false;
  return (httpFaultOf(error)?.status ?? 0) < 500;
}

function stopped(): EtlError {
  return new EtlError('ETL_ABORTED', 'making accounts was stopped', {
    hint: 'Run the same command to go on: it makes those that are missing.',
  });
}

function nobodyYet(): EtlError {
  return new EtlError(
    'ETL_SINK_FAILED',
    'nobody has an account in this Onyx, and the first one becomes its administrator',
    { hint: 'Sign up in Onyx first, or name the administrator among those who get accounts: --admin ana@example.org.' },
  );
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
