import assert from 'node:assert/strict';

import type { Json } from '../json.ts';
import type { RejectPolicy } from '../rejects.ts';
import type { RunReport } from '../report.ts';
import type { RunOptions } from '../run-options.ts';
import { runPipeline } from '../run.ts';
import type { Ledger, Sink, Source } from '../stage.ts';
import type { SampleOptions } from './sample-source.ts';

/** What a sink does when its target holds data. */
export type IfExistsMode = 'append' | 'replace' | 'error';

/** How a sink under test is run: the options of a run, and what is to be tried with it. */
export interface SampleRunOptions extends RunOptions {
  readonly ifExists?: IfExistsMode | undefined;
  readonly records?: readonly unknown[] | undefined;
  readonly policy?: RejectPolicy | undefined;
}

/** Ways for a run to end, for the tests of what stays open. */
export const endings: readonly (readonly [string, SampleOptions, (abort: AbortController) => SampleRunOptions])[] = [
  ['the run is finished', {}, () => ({})],
  ['the source fails', { failAt: 4 }, () => ({})],
  ['the run is aborted', {}, (abort) => ({ signal: abort.signal, onCommit: () => abort.abort() })],
  [
    'the run is aborted before it begins',
    {},
    (abort) => ({ signal: AbortSignal.any([abort.signal, AbortSignal.abort()]) }),
  ],
];

/** Runs the source into the sink, nothing in between. */
export async function runSample(
  source: Source<unknown>,
  sink: Sink<unknown>,
  { policy = 'stop', ...options }: SampleRunOptions,
): Promise<RunReport> {
  return runPipeline({ name: 'contract', source, transforms: [], sink, onReject: policy }, options);
}

/** The sink with a ledger that looks, at every commit it is to save, whether the records are there. */
export function withCheckedCommits(
  sink: Sink<unknown>,
  directory: string,
  committed: (directory: string, state: Json) => Promise<number>,
): Sink<unknown> {
  const { ledger } = sink;
  if (ledger === undefined) return sink;
  return {
    ...sink,
    ledger(run) {
      const inner: Ledger = ledger.call(sink, run);
      return {
        ...inner,
        async save(progress) {
          // A sample is never committed.
          const claimed = progress.status === 'sampled' ? 0 : progress.counts.written;
          const safe = progress.sink === null ? 0 : await committed(directory, progress.sink);
          assert.ok(safe >= claimed, `${claimed} records committed, ${safe} are safe`);
          await inner.save(progress);
        },
      };
    },
  };
}
