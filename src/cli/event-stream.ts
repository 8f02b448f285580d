import type { RunReport } from '../report.ts';
import type { LiveRun } from '../run-options.ts';
import type { Progress } from '../stage.ts';
import { viewer } from './progress-display.ts';
import { progressShare, timeLeft } from './progress-view.ts';

const progressMs = 1000;

/** What happens in a run, as lines of JSON for machines; each has `event` and `at`. */
export interface EventStream {
  started(live: LiveRun): void;
  committed(progress: Progress): void;
  warned(stage: string, message: string): void;
  /** The last event: the run's report. */
  ended(report: RunReport): void;
}

/** Writes `start`, `progress` (once a second), `commit`, `warning` and `end`. */
export function eventStream(write: (line: string) => void, now: () => Date = () => new Date()): EventStream {
  const views = viewer();
  let timer: NodeJS.Timeout | undefined;
  const emit = (event: string, details: object): void =>
    write(JSON.stringify({ event, at: now().toISOString(), ...details }));
  return {
    started(live) {
      views.start(live);
      const { run, pipeline, resumed, before, stages } = live;
      emit('start', { run, pipeline, resumed, before, stages: stages.map(({ stage, role }) => ({ stage, role })) });
      timer = setInterval(() => {
        const view = views.now();
        if (view === undefined) return;
        const { committed, rates, elapsedMs } = view;
        const read = view.before.read + (view.stages[0]?.out ?? 0);
        emit('progress', {
          read,
          written: committed.written,
          rejected: committed.rejected,
          rates,
          elapsedMs,
          share: progressShare(view) ?? null,
          leftMs: timeLeft(view) ?? null,
        });
      }, progressMs);
      timer.unref();
    },
    committed: ({ counts, savedAt }) => emit('commit', { counts, savedAt }),
    warned: (stage, message) => emit('warning', { stage, message }),
    ended(report) {
      clearInterval(timer);
      emit('end', { report });
    },
  };
}
