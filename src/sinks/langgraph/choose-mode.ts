import type { ThrowawayThreads } from '../../connections/langgraph-throwaway.ts';
import { EtlError } from '../../errors.ts';
import type { ChannelKind } from '../../mappings/state-update.ts';
import { ChannelKinds } from './channel-kinds.ts';
import { CheckpointTables } from './checkpoint-tables.ts';
import { fullMode } from './full-mode.ts';
import { historyMode } from './history-mode.ts';
import { postgresMode } from './postgres-mode.ts';
import { stateMode } from './state-mode.ts';
import type { TargetServer } from './target-server.ts';
import type { WriteMode } from './write-mode.ts';

export interface ModeOptions {
  readonly mode: 'auto' | WriteMode['name'];
  readonly companion: string;
  readonly database?: { readonly connectionString: string; readonly schema: string } | undefined;
  readonly rearm: boolean;
  readonly channels?: Readonly<Record<string, Exclude<ChannelKind, 'unknown'>>> | undefined;
}

/** The way of writing that was asked for, or the best the target offers. */
export async function chooseMode(
  server: TargetServer,
  throwaway: ThrowawayThreads,
  options: ModeOptions,
  signal: AbortSignal,
): Promise<{ readonly mode: WriteMode; close(): Promise<void> }> {
  const name = await modeName(server, options);
  const close = async (): Promise<void> => undefined;
  switch (name) {
    case 'state':
      return { mode: stateMode(server), close };
    case 'full':
      return { mode: fullMode(server, throwaway, options.companion, signal), close };
    case 'postgres': {
      if (options.database === undefined) throw withoutDatabase(server);
      const { runtime } = server;
      const tables = await CheckpointTables.open(options.database, runtime === 'unknown' ? undefined : runtime);
      return { mode: postgresMode(server, tables), close: () => tables.close() };
    }
    default:
      return {
        mode: historyMode(server, new ChannelKinds(server, throwaway, options.channels), { ...options, signal }),
        close,
      };
  }
}

/** One line for people: how threads would be written, and why not better. */
export async function describeMode(server: TargetServer, options: ModeOptions): Promise<string> {
  const name = await modeName(server, options);
  const why =
    options.mode === 'auto' && name === 'history' ? ` (no graph "${options.companion}" is deployed there)` : '';
  return `threads are written by ${name}${why}`;
}

async function modeName(server: TargetServer, { mode, companion, database }: ModeOptions): Promise<WriteMode['name']> {
  if (mode === 'auto') {
    if (database !== undefined) return 'postgres';
    return (await server.graphs.has(companion)) ? 'full' : 'history';
  }
  if (mode === 'postgres' && database === undefined) throw withoutDatabase(server);
  if (mode === 'full' && !(await server.graphs.has(companion))) {
    throw new EtlError(
      'ETL_CONFIG_INVALID',
      `mode "full" needs the companion graph, and no graph "${companion}" is deployed`,
      {
        where: { file: server.where },
        hint: 'Deploy it (docs/langgraph-companion.md), or choose `mode: history`.',
      },
    );
  }
  return mode;
}

function withoutDatabase({ where }: TargetServer): EtlError {
  const what = 'mode "postgres" needs `database`: where the checkpointer keeps its tables';
  return new EtlError('ETL_CONFIG_INVALID', what, { where: { file: where } });
}
