import { startOf } from './boundary.ts';
import type { StageRun } from './context.ts';
import type { LiveRun } from './run-options.ts';
import type { RunProgress } from './run-progress.ts';

/** A view of a run that has begun. `progress`: before anything of this attempt is committed. */
export function liveRun(pipeline: string, progress: RunProgress, stages: readonly StageRun[]): LiveRun {
  const start = startOf(progress.position);
  return {
    run: progress.run,
    pipeline,
    resumed: progress.position !== null,
    get stages() {
      // The time that each has spent on what it is doing now is put to its figures.
      return stages.map((stage) => {
        stage.turnTo(stage.activity);
        return stage.stats;
      });
    },
    before: { read: start.read, bytes: start.bytes },
    committed: () => progress.counts,
  };
}
