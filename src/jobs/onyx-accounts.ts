import { httpFaultOf } from '../connections/http-fault.ts';
import { OnyxApi, type OnyxApiOptions } from '../connections/onyx-api.ts';
import {
  closePostgres,
  openPostgres,
  postgresError,
  postgresFault,
  type PostgresClient,
} from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import { probeOnyx } from '../sinks/onyx/generation.ts';
import { createOwner } from '../sinks/onyx/owners.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import type { NewUser } from './onyx-new-users.ts';

/** What became of one. */
export type AccountResult = 'created' | 'exists' | { readonly refused: string };

/** A way to make accounts; whoever opens it closes it. */
export interface OnyxAccounts {
  /** Addresses of those who are there, in small letters. */
  existing(): Promise<ReadonlySet<string>>;
  /** Whether an account gets the password that is given with it. */
  readonly takesPasswords: boolean;
  /** Whether the first account of an Onyx in which nobody has one becomes its administrator here. */
  readonly makesAdministrator: boolean;
  /** How many can be made at once. */
  readonly concurrency: number;
  create(user: NewUser, password: string): Promise<AccountResult>;
  close(): Promise<void>;
}

/**
 * Accounts by Onyx's own sign-up: with all its rules about who may have one.
 *
 * @throws {EtlError} `ETL_SINK_FAILED` when this Onyx has no sign-up by password; as {@link OnyxApi} does.
 */
export async function apiAccounts(options: OnyxApiOptions, signal: AbortSignal): Promise<OnyxAccounts> {
  const api = await OnyxApi.open(options);
  return {
    takesPasswords: true,
    // Whoever asks with a key is one already.
    makesAdministrator: false,
    concurrency: options.concurrency ?? 4,
    existing: async () => new Set((await api.users(signal)).map(({ email }) => email.toLowerCase())),
    async create({ email }, password) {
      try {
        return (await api.createUser({ email, password }, signal)) === 'exists' ? 'exists' : 'created';
      } catch (error) {
        const fault = httpFaultOf(error);
        if (fault?.isJson !== true) throw error;
        if (fault.status === 404 || fault.status === 405) throw noSignUp(api.address, error);
        // About this one: a domain that is not allowed, not invited, no seat left, an address that is none.
        if (![400, 402, 403, 409, 422].includes(fault.status)) throw error;
        return { refused: fault.detail === '' ? `HTTP ${fault.status}` : fault.detail };
      }
    },
    close: () => api.close(),
  };
}

function noSignUp(address: string, cause: unknown): EtlError {
  return new EtlError('ETL_SINK_FAILED', `${address} has no sign-up by password`, {
    hint: 'Accounts can be made in its database, for people who sign in through a directory: --via database.',
    cause,
  });
}

/**
 * Accounts as rows of Onyx's database, each in a transaction of its own: active, verified, in the group "Basic".
 *
 * They get their passwords when the database has `pgcrypto`, as Onyx's own migrations give it; else nobody knows them, and
 * people come in through a directory. Nothing of what Onyx checks at a sign-up is asked.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`, `ETL_CONFIG_INVALID` for tables that are not known.
 */
export async function databaseAccounts(
  connectionString: string,
  schema: string,
  signal: AbortSignal,
): Promise<OnyxAccounts> {
  const client = await openPostgres(connectionString);
  const failure = (error: unknown): EtlError => postgresError(error, 'ETL_SINK_FAILED', connectionString);
  try {
    await useSchema(client, schema);
    const takesPasswords = await hasCrypt(client);
    const database = await probeOnyx(client, schema, takesPasswords ? ['accounts', 'passwords'] : ['accounts']);
    return {
      takesPasswords,
      makesAdministrator: true,
      concurrency: 1,
      existing: () => emails(client).catch((error: unknown) => Promise.reject(failure(error))),
      async create({ email, name }, password) {
        signal.throwIfAborted();
        try {
          await client.query('begin');
          const { rowCount } = await client.query('select 1 from "user" where lower(email) = lower($1)', [email]);
          if (rowCount !== 0) {
            await client.query('rollback');
            return 'exists';
          }
          const owner = { id: '', email: email.replaceAll('\0', ''), ...(name !== undefined && { name }) };
          const { id } = await createOwner(client, owner, database);
          if (takesPasswords)
            await client.query(`update "user" set hashed_password = crypt($2, gen_salt('bf', 10)) where id = $1`, [
              id,
              password,
            ]);
          await client.query('commit');
          return 'created';
        } catch (error) {
          const { sqlState, message } = postgresFault(error);
          // An address that is too long, or breaks a rule: about this one.
          if (sqlState === undefined || !/^(22|23)/.test(sqlState)) throw failure(error);
          await client.query('rollback');
          return { refused: `PostgreSQL: ${message} [${sqlState}]` };
        }
      },
      close: () => closePostgres(client),
    };
  } catch (error) {
    await closePostgres(client);
    throw failure(error);
  }
}

/** Onyx's check of passwords takes what `crypt` makes, and makes its own hash of it at the first sign-in. */
async function hasCrypt(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regprocedure('gen_salt(text, integer)') is not null and to_regprocedure('crypt(text, text)') is not null as there`,
  );
  return rows[0]?.there === true;
}

/** Everybody but the two rows that every Onyx begins with. */
async function emails(client: PostgresClient): Promise<Set<string>> {
  const { rows } = await client.query<{ email: string }>(
    `select lower(email) as email from "user"
      where id not in ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')`,
  );
  return new Set(rows.map(({ email }) => email));
}
