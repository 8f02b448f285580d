import { identityOf, type PipelinePlan } from '../plan.ts';
import type { RunFlags } from './run-plan.ts';

/**
 * The flags of a command that was told to write over what is there: where the run was finished before, it starts over, as if
 * `--new-run` were given. One that was broken off goes on, under the rules of every run.
 */
export async function runAgain<Flags extends RunFlags>(plan: PipelinePlan, flags: Flags): Promise<Flags> {
  if (flags.newRun === true || flags.dryRun === true || plan.source.isSample === true) return flags;
  const progress = await plan.sink.ledger?.(identityOf(plan)).peek();
  return progress?.status === 'finished' ? { ...flags, newRun: true } : flags;
}
