import { startOf } from './boundary.ts';
import { StageRun, type RunServices } from './context.ts';
import { stageNames, type PipelinePlan } from './plan.ts';
import type { RunProgress } from './run-progress.ts';

/** What each stage of a run works with, from the source to the sink: each with what it left at the last commit. */
export function stageRuns(
  plan: PipelinePlan,
  { position, sinkState }: Pick<RunProgress, 'position' | 'sinkState'>,
  signals: { readonly source: AbortSignal; readonly others: AbortSignal },
  services: RunServices,
): StageRun[] {
  const start = startOf(position);
  const names = stageNames(plan);
  return [plan.source, ...plan.transforms, plan.sink].map(({ role }, order) => {
    const name = names[order] ?? role;
    const states = { source: start.at, transform: start.states[name] ?? null, sink: sinkState };
    const state = states[role];
    const cursor = state === null || (role !== 'sink' && position === null) ? undefined : state;
    return new StageRun(
      { name, role, order },
      { cursor },
      role === 'source' ? signals.source : signals.others,
      services,
    );
  });
}
