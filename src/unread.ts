import { EtlError } from './errors.ts';
import type { PipelinePlan } from './plan.ts';
import type { Progress } from './stage.ts';

/**
 * What a finished run has not read because it came afterwards, and what to do to read it. Nothing when there is no more, when
 * the source cannot tell, and when it cannot be asked: a finished run needs its input no longer.
 */
export async function unreadSince(
  { source }: PipelinePlan,
  { inputEnd }: Progress,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (inputEnd === undefined) return undefined;
  const more = await source.unread?.(inputEnd, signal).catch((error: unknown) => {
    return error instanceof EtlError && error.code === 'ETL_SOURCE_CHANGED' ? error.message : undefined;
  });
  return more === undefined ? undefined : `${more}; this run was finished before: --new-run reads everything anew`;
}
