import type { LiveRun } from '../run-options.ts';
import type { Estimate } from '../stage.ts';
import type { Cli } from './io.ts';
import type { ProgressView } from './progress-view.ts';
import { RateMeter } from './rate-meter.ts';
import { renderProgress, renderProgressLine } from './render-progress.ts';

const redrawMs = 100;
const lineMs = 5000;
const defaultColumns = 80;

/** Shows how a run goes, until it is ended. */
export interface ProgressDisplay {
  start(live: LiveRun): void;
  /** What the source said about its size, once it is known. */
  estimated(estimate: Estimate): void;
  /** Says something without getting in the way of the display. */
  say(text: string): void;
  end(): void;
}

/** On a terminal a few lines that are drawn anew, ten times a second at most; else a line every five seconds. */
export function progressDisplay(cli: Cli): ProgressDisplay {
  return cli.stderr.isTTY === true && cli.env['TERM'] !== 'dumb' ? terminalDisplay(cli) : lineDisplay(cli);
}

/** Shows nothing. */
export function silentDisplay(cli: Cli): ProgressDisplay {
  return { start: () => undefined, estimated: () => undefined, say: (text) => cli.say(text), end: () => undefined };
}

function lineDisplay(cli: Cli): ProgressDisplay {
  const views = viewer();
  let timer: NodeJS.Timeout | undefined;
  return {
    start(live) {
      views.start(live);
      timer = setInterval(() => {
        const view = views.now();
        if (view !== undefined) cli.say(renderProgressLine(view));
      }, lineMs);
      timer.unref();
    },
    estimated: views.estimated,
    say: (text) => cli.say(text),
    end: () => clearInterval(timer),
  };
}

function terminalDisplay(cli: Cli): ProgressDisplay {
  const views = viewer();
  let timer: NodeJS.Timeout | undefined;
  let drawn = 0;
  function erase(): void {
    // From the first column: the terminal has put `^C` where the cursor was.
    if (drawn > 0) cli.stderr.write(`\r\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  }
  function draw(): void {
    const view = views.now();
    if (view === undefined) return;
    const lines = renderProgress(view, cli.stderr.columns ?? defaultColumns);
    erase();
    cli.stderr.write(`${cli.mask(lines.join('\n'))}\n`);
    drawn = lines.length;
  }
  return {
    start(live) {
      views.start(live);
      timer = setInterval(draw, redrawMs);
      timer.unref();
    },
    estimated: views.estimated,
    say(text) {
      erase();
      cli.say(text);
    },
    end() {
      clearInterval(timer);
      erase();
    },
  };
}

/** Makes views of a running pipeline: puts the rates and the estimate to its figures. */
export function viewer(clock: () => number = () => performance.now()): {
  start(live: LiveRun): void;
  estimated(estimate: Estimate): void;
  now(): ProgressView | undefined;
} {
  const meter = new RateMeter();
  const begun = clock();
  let live: LiveRun | undefined;
  let estimate: Estimate | undefined;
  return {
    start: (started) => {
      live = started;
    },
    estimated: (known) => {
      estimate = known;
    },
    now() {
      if (live === undefined) return undefined;
      const { pipeline, stages, before } = live;
      const [source] = stages;
      meter.add({ at: clock(), records: source?.out ?? 0, bytes: source?.bytes ?? 0 });
      return {
        pipeline,
        stages,
        before,
        committed: live.committed(),
        estimate,
        rates: meter.rates,
        elapsedMs: clock() - begun,
      };
    },
  };
}
