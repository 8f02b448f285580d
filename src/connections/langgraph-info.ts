import { EtlError } from '../errors.ts';
import type { LanggraphCaller } from './langgraph-caller.ts';
import type { ServerInfo } from './langgraph-connection.ts';
import { LanggraphBodyError, LanggraphHttpError } from './langgraph-errors.ts';

/** What kind of server answers. One that does not know `/info` speaks the API all the same, as far as it goes. */
export async function langgraphInfo(caller: LanggraphCaller, signal: AbortSignal): Promise<ServerInfo> {
  try {
    const info = (await caller.json({ path: '/info', attempts: 3 }, signal)) as Readonly<
      Record<string, unknown>
    > | null;
    const version = typeof info?.['version'] === 'string' ? info['version'] : undefined;
    if (typeof info?.['langgraph_py_version'] === 'string') return { runtime: 'python', version };
    if (info?.['context'] === 'js' || info?.['langgraph_js_version'] !== undefined) return { runtime: 'js', version };
    return { runtime: 'unknown', version };
  } catch (error) {
    const cause = error instanceof EtlError ? error.cause : error;
    if (cause instanceof LanggraphHttpError && cause.status === 404) return { runtime: 'unknown', version: undefined };
    if (cause instanceof LanggraphBodyError && error instanceof EtlError) {
      throw new EtlError('ETL_REQUEST_FAILED', error.message, {
        where: error.where,
        cause,
        hint: 'Is this the address of a LangGraph API? A page for people, or a proxy that asks for a log-in, answers there.',
      });
    }
    throw error;
  }
}
