import { InvalidArgumentError, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { isDate } from '../is-date.ts';
import type { ThreadPlace } from '../jobs/langgraph-export.ts';
import type { ThreadScope } from '../jobs/scoped-threads.ts';
import { wholeNumber } from './command.ts';
import type { Cli } from './io.ts';

/** Which threads, and how hard to work, as {@link addThreadScope} declares it. */
export interface ThreadScopeFlags {
  readonly metadataFilter?: Readonly<Record<string, unknown>>;
  readonly status?: string;
  readonly thread?: readonly string[];
  readonly since?: string;
  readonly historyLimit?: number;
  readonly subgraphs: boolean;
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
}

/** One end, as {@link addServer} declares it: `source` or `target`. */
export type ServerFlags = Readonly<Record<string, unknown>> & { readonly apiKey?: string };

/** Gives a command the options that name a server: `--source-url`, `--source-api-key`, `--source-header`, or those of the target. */
export function addServer(command: Command, end: 'source' | 'target'): Command {
  const upper = end.toUpperCase();
  return command
    .option(`--${end}-url <url>`, `address of the ${end} server (LANGGRAPH_${upper}_URL)`)
    .option(`--${end}-api-key <key>`, `its key (LANGSMITH_${upper}_API_KEY, else --api-key)`)
    .option(`--${end}-header <header...>`, 'further headers for it: "Authorization: Bearer …"', header);
}

/** Gives a command `--api-key`, which serves for both ends. */
export function addSharedKey(command: Command): Command {
  return command.option('--api-key <key>', 'key of the deployment, a service key (LANGSMITH_API_KEY)');
}

/** Gives a command the options that choose threads of a server. */
export function addThreadScope(command: Command): Command {
  return command
    .option('--metadata-filter <json>', 'only threads whose metadata hold this: \'{"owner": "ana"}\'', jsonObject)
    .option('--status <state>', 'only threads that are idle, busy, interrupted or error')
    .option('--thread <id...>', 'only these threads')
    .option('--since <date>', 'only threads that changed since then: 2026-01-31', date)
    .option('--history-limit <n>', 'only so many of the newest checkpoints of each thread', wholeNumber(1))
    .option('--no-subgraphs', 'without the checkpoints of subgraphs')
    .option('--concurrency <n>', 'threads read at the same time (default: 8)', upTo256)
    .option('--requests-per-second <n>', 'no more requests than that', wholeNumber(1));
}

/**
 * The server that flags or the environment name, with its threads. Keys are hidden in whatever is printed.
 *
 * @throws {EtlError} `ETL_USAGE` when none is named.
 */
export async function serverOf(
  cli: Cli,
  end: 'source' | 'target',
  flags: ServerFlags,
): Promise<{ readonly apiUrl: string; readonly apiKey?: string; readonly headers?: Record<string, string> }> {
  const environment = await cli.environment();
  const upper = end.toUpperCase();
  const given = (name: string): string | undefined => {
    const value = flags[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const set = (name: string): string | undefined => (environment[name] === '' ? undefined : environment[name]);
  const apiUrl = given(`${end}Url`) ?? set(`LANGGRAPH_${upper}_URL`);
  if (apiUrl === undefined) {
    throw new EtlError('ETL_USAGE', `no ${end} is named`, {
      hint: `give --${end}-url http://localhost:2024, or set LANGGRAPH_${upper}_URL (in the environment or .env)`,
    });
  }
  const apiKey =
    given(`${end}ApiKey`) ?? set(`LANGSMITH_${upper}_API_KEY`) ?? given('apiKey') ?? set('LANGSMITH_API_KEY');
  const lines = (flags[`${end}Header`] as readonly (readonly [string, string])[] | undefined) ?? [];
  cli.hide([...(apiKey === undefined ? [] : [apiKey]), ...lines.map(([, value]) => value)]);
  return {
    apiUrl,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(lines.length === 0 ? {} : { headers: Object.fromEntries(lines) }),
  };
}

/** The options of the `langgraph` source that these flags stand for. */
export function threadScope(flags: ThreadScopeFlags): Omit<Extract<ThreadPlace, { apiUrl: string }>, 'apiUrl'> {
  const { metadataFilter, status, thread, since, historyLimit, subgraphs, concurrency, requestsPerSecond } = flags;
  const states = ['idle', 'busy', 'interrupted', 'error'] as const;
  const state = states.find((each) => each === status);
  if (status !== undefined && state === undefined)
    throw new EtlError('ETL_USAGE', `--status must be one of ${states.join(', ')}`);
  return {
    ...(metadataFilter === undefined ? {} : { metadata: { ...metadataFilter } }),
    ...(state === undefined ? {} : { status: state }),
    ...(thread === undefined ? {} : { ids: [...thread] }),
    ...(since === undefined ? {} : { since }),
    ...(historyLimit === undefined ? {} : { historyLimit }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    subgraphs,
  };
}

/**
 * The threads of a file that these flags stand for; nothing: all of them.
 *
 * @throws {EtlError} `ETL_USAGE` for a flag that only a server can be asked by.
 */
export function fileScope(flags: ThreadScopeFlags): ThreadScope | undefined {
  const { historyLimit, concurrency: _, requestsPerSecond: __, ...scope } = threadScope(flags);
  if (historyLimit !== undefined) {
    throw new EtlError('ETL_USAGE', '--history-limit is for servers: a file is read as it is', {
      hint: 'name a server, or export from one with --history-limit first',
    });
  }
  const { subgraphs, ...rest } = scope;
  return Object.keys(rest).length === 0 && subgraphs !== false ? undefined : scope;
}

/** A number of connections, as the servers' components take it. */
export function upTo256(text: string): number {
  const value = wholeNumber(1)(text);
  if (value > 256) throw new InvalidArgumentError('It must be a whole number from 1 to 256.');
  return value;
}

function date(text: string): string {
  if (!isDate(text)) throw new InvalidArgumentError('It must be a date, such as 2026-01-31 or 2026-01-31T08:00:00Z.');
  return text;
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('It must be an object in JSON.');
}

type Header = readonly [name: string, value: string];

function header(text: string, before: readonly Header[] = []): readonly Header[] {
  const at = text.indexOf(':');
  if (at <= 0) throw new InvalidArgumentError('It must be a name and a value: "Authorization: Bearer …".');
  return [...before, [text.slice(0, at).trim(), text.slice(at + 1).trim()]];
}
