import { closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import { probeOnyx } from '../sinks/onyx/generation.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import {
  planCitations,
  planLatestChild,
  planMessageText,
  type ChatProblem,
  type RowRepair,
} from './onyx-repair-plan.ts';
import { readLinks, readRows, saveRepairs, sessionPages } from './onyx-repair-rows.ts';

/** What to repair. */
export type OnyxRepairKind = 'latest-child' | 'citations' | 'message-text';

/** Which chats: exactly one of `sessions`, `userEmail` and `all`. */
export interface OnyxRepairOptions {
  readonly connectionString: string;
  readonly schema?: string;
  readonly kind: OnyxRepairKind;
  readonly sessions?: readonly string[];
  readonly userEmail?: string;
  readonly all?: boolean;
  /** Without it nothing is changed. */
  readonly apply?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each message that is repaired, or would be. */
  readonly onRepair?: (repair: RowRepair) => void;
  /** Called with what is wrong and cannot be mended here. */
  readonly onProblem?: (problem: ChatProblem) => void;
}

/** What was repaired, or would be. */
export interface OnyxRepairReport {
  readonly schema: 'threadmill/onyx-repair@1';
  readonly kind: OnyxRepairKind;
  readonly applied: boolean;
  readonly chats: number;
  readonly messages: number;
  readonly repaired: number;
  /** Messages by what was wrong with them. */
  readonly byReason: Readonly<Record<string, number>>;
  readonly problems: number;
}

/**
 * Mends what keeps Onyx from showing chats as they are, in any chat, whoever brought it in: which child each message shows,
 * citations, and texts that were written as another system keeps them.
 *
 * Only what is broken is changed, and only if nobody has changed it meanwhile. What was there before is kept in
 * `etl.onyx_repair`. Each transaction holds whole chats; it may be broken off and repeated.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` for an account or a chat that is not there; `ETL_AUTH_FAILED` without the right
 *   to change messages.
 */
export async function repairOnyx(options: OnyxRepairOptions): Promise<OnyxRepairReport> {
  const { connectionString, schema = 'public', kind, apply = false, signal, onRepair, onProblem } = options;
  const counts = { chats: 0, messages: 0, repaired: 0, problems: 0 };
  const byReason: Record<string, number> = {};
  const client = await openPostgres(connectionString);
  try {
    await useSchema(client, schema);
    const database = await probeOnyx(client, schema, apply ? ['repair'] : ['read']);
    await requireTargets(client, options);
    for await (const sessions of sessionPages(client, options)) {
      signal?.throwIfAborted();
      await client.query('begin');
      const rows = await readRows(client, database, sessions, apply);
      const { repairs, problems } = await planRepairs(client, kind, rows);
      if (apply) await saveRepairs(client, { kind, schema, database }, repairs);
      await client.query('commit');
      counts.chats += sessions.length;
      counts.messages += rows.length;
      counts.repaired += repairs.length;
      counts.problems += problems.length;
      for (const repair of repairs) {
        byReason[repair.why] = (byReason[repair.why] ?? 0) + 1;
        onRepair?.(repair);
      }
      for (const problem of problems) onProblem?.(problem);
    }
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
  return { schema: 'threadmill/onyx-repair@1', kind, applied: apply, ...counts, byReason };
}

async function planRepairs(
  client: PostgresClient,
  kind: OnyxRepairKind,
  rows: Awaited<ReturnType<typeof readRows>>,
): Promise<ReturnType<typeof planLatestChild>> {
  if (kind === 'latest-child') return planLatestChild(rows);
  if (kind === 'message-text') return { repairs: rows.flatMap((row) => planMessageText(row) ?? []), problems: [] };
  const { linked, there } = await readLinks(client, rows);
  return { repairs: rows.flatMap((row) => planCitations(row, linked.get(row.id) ?? [], there) ?? []), problems: [] };
}

async function requireTargets(client: PostgresClient, { sessions, userEmail }: OnyxRepairOptions): Promise<void> {
  if (userEmail !== undefined) {
    const { rows } = await client.query('select 1 from "user" where email = $1', [userEmail.toLowerCase()]);
    if (rows.length === 0)
      throw new EtlError('ETL_SOURCE_NOT_FOUND', `Onyx has no account for ${userEmail}`, {
        hint: 'Check the address.',
      });
  }
  if (sessions === undefined) return;
  const { rows } = await client.query<{ id: string }>(
    'select s.id from unnest($1::text[]) s (id) where not exists (select 1 from chat_session c where c.id::text = lower(s.id))',
    [sessions],
  );
  const [missing] = rows;
  if (missing !== undefined)
    throw new EtlError('ETL_SOURCE_NOT_FOUND', `Onyx has no chat ${missing.id}`, {
      hint: "A chat's id is at the end of its address in the browser.",
    });
}
