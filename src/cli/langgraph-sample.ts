import { firstThreads } from '../jobs/first-threads.ts';
import type { PipelinePlan } from '../plan.ts';
import type { RunFlags } from './run-plan.ts';

/** Flags of a command that can be tried on some threads. */
interface SampleFlags extends RunFlags {
  readonly testSingle?: boolean;
}

/** How many threads are asked for; nothing: all of them. */
export function sampleSize({ testSingle, limit }: SampleFlags): number | undefined {
  return testSingle === true ? 1 : limit;
}

/** The pipeline and the flags it is run with: of a sample, so many whole threads are read, and no cursor is moved. */
export function sampled<Flags extends SampleFlags>(
  plan: PipelinePlan,
  flags: Flags,
): { readonly plan: PipelinePlan; readonly flags: Omit<Flags, 'limit'> } {
  const size = sampleSize(flags);
  if (size === undefined) return { plan, flags };
  const { limit: _, ...rest } = flags;
  // A limit of the run would cut a thread that comes in parts.
  return { plan: { ...plan, source: firstThreads(plan.source, size) }, flags: rest };
}
