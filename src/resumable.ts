import { EtlError } from './errors.ts';
import { differences, nextStep, type PipelinePlan } from './plan.ts';
import type { Ledger, Progress, RunIdentity } from './stage.ts';

/**
 * What is left of an earlier run that this one goes on from; nothing when it begins anew.
 *
 * @throws {EtlError} `ETL_RUN_CHANGED` when the earlier run had another configuration and has committed something.
 */
export async function resumable(
  saved: Progress | undefined,
  identity: RunIdentity,
  ledger: Ledger | undefined,
  { sink }: PipelinePlan,
  newRun: boolean,
): Promise<Progress | undefined> {
  if (saved === undefined) return undefined;
  if (newRun) {
    // Refused before anything is forgotten: the old run can still go on.
    await sink.checkNew?.();
    await ledger?.reset();
    return undefined;
  }
  switch (await nextStep(saved, identity.digest, sink)) {
    case 'start':
      await ledger?.reset();
      return undefined;
    case 'startOver':
      return { ...saved, ...identity, status: 'sampled' };
    case 'refuse': {
      const changed = differences(saved.config, identity.config).join('; ');
      const what = `this run of "${saved.pipeline}" was started with another configuration: ${changed}`;
      throw new EtlError('ETL_RUN_CHANGED', what, { where: { file: ledger?.where } });
    }
    case 'resume':
    case 'nothing':
      return saved;
  }
}
