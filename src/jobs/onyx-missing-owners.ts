import { closePostgres, openPostgres, postgresError } from '../connections/postgres.ts';
import { probeOnyx } from '../sinks/onyx/generation.ts';
import { findOwners } from '../sinks/onyx/owners.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import { ownersOfBundle } from './onyx-new-users.ts';

export { missingOwnersError, namesOf } from '../sinks/onyx/owners.ts';

/** Where to look, and whose chats are meant. */
export interface MissingOwnersOptions {
  readonly connectionString: string;
  readonly schema: string;
  /** Only these people's chats. */
  readonly only?: readonly string[] | undefined;
  /** The account that all chats go to, instead of their owners'. */
  readonly owner?: string | undefined;
  readonly signal: AbortSignal;
}

/** People whose chats have no account to go to. */
export interface MissingOwners {
  /** In small letters, sorted. */
  readonly emails: readonly string[];
  /** Owners of whom no address is known. */
  readonly withoutEmail: number;
}

/**
 * The people with chats in a bundle who have no account in Onyx.
 *
 * @throws {EtlError} what the `bundle` source throws for a folder that is none; what `probeOnyx` throws for a database that
 *   cannot be written to.
 */
export async function missingOwners(path: string, options: MissingOwnersOptions): Promise<MissingOwners> {
  const { connectionString, schema, owner, signal } = options;
  const only = options.only?.map((email) => email.toLowerCase());
  const people =
    owner === undefined ? await ownersOfBundle(path, signal) : { users: [{ email: owner }], withoutEmail: 0 };
  const wanted = people.users.map(({ email }) => email.toLowerCase());
  const emails = new Set(
    owner !== undefined || only === undefined ? wanted : wanted.filter((email) => only.includes(email)),
  );
  const client = await openPostgres(connectionString);
  try {
    await useSchema(client, schema);
    await probeOnyx(client, schema, ['read']);
    const found = await findOwners(client, emails);
    return {
      emails: [...emails].filter((email) => !found.has(email)).sort(),
      withoutEmail: only === undefined ? people.withoutEmail : 0,
    };
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
}
