import { EtlError } from './errors.ts';
import { PipelineRun } from './pipeline-run.ts';
import { identityOf, type PipelinePlan } from './plan.ts';
import type { RunReport } from './report.ts';
import { resumable } from './resumable.ts';
import type { RunOptions } from './run-options.ts';

/**
 * Runs a pipeline from where its last commit left it to its end.
 *
 * @throws {EtlError} what went wrong, with the run's report as `report`. What was committed before stays.
 */
export async function runPipeline(plan: PipelinePlan, options: RunOptions = {}): Promise<RunReport> {
  const isSample = options.limit !== undefined || plan.source.isSample === true;
  if (isSample && plan.sink.ifExists === 'replace' && options.dryRun !== true) {
    throw new EtlError('ETL_LIMIT_REFUSED', 'a limited run would replace the target by a sample', {
      where: { stage: plan.sink.name },
    });
  }
  const identity = identityOf(plan);
  const ledger = options.dryRun === true ? undefined : plan.sink.ledger?.(identity);
  const saved = await ledger?.open();
  try {
    const left = await resumable(saved, identity, ledger, plan, options.newRun === true);
    return await new PipelineRun(plan, { identity, ledger, saved: left, isSample }, options).execute();
  } finally {
    await ledger?.close();
  }
}
