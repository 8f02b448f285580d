import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { RunReport } from '../report.ts';
import { hasCode, hasMessage } from './expected-error.ts';
import type { SampleRunOptions } from './sample-run.ts';
import { sampleFailure, type SampleOptions } from './sample-source.ts';
import { testIn } from './scratch.ts';

/** A sink under test: how it is run into a folder, and what is in the folder afterwards. */
export interface Resumable {
  readonly run: (directory: string, sample?: SampleOptions, options?: SampleRunOptions) => Promise<RunReport>;
  readonly content: (directory: string) => Promise<unknown>;
  /** What an unbroken run leaves. */
  readonly unbroken: (directory: string) => Promise<unknown>;
  /** How many batches its source gives. */
  readonly batches: number;
}

/** Interrupted at any place and repeated, a run leaves the same as an unbroken one. */
export function testResume({ run, content, unbroken, batches }: Resumable): void {
  testIn('does nothing when a finished run is repeated', async (directory) => {
    await run(directory);
    const before = await content(directory);
    assert.equal((await run(directory)).status, 'unchanged');
    assert.deepEqual(await content(directory), before);
  });

  testIn('leaves the same when it is aborted at any batch and repeated', async (directory) => {
    const whole = await unbroken(directory);
    for (let at = 0; at < batches; at += 1) {
      const target = join(directory, `${at}`);
      const abort = new AbortController();
      const aborting = run(
        target,
        { onBatch: (batch) => void (batch === at && abort.abort()) },
        { signal: abort.signal },
      );
      await assert.rejects(aborting, hasCode('ETL_ABORTED'));
      assert.equal((await run(target)).status, 'finished');
      assert.deepEqual(await content(target), whole, `aborted at batch ${at}`);
    }
  });

  testIn('leaves the same when it is aborted after any commit and repeated', async (directory) => {
    const whole = await unbroken(directory);
    let most = 0;
    for (let last = 1; last <= batches; last += 1) {
      const target = join(directory, `${last}`);
      const abort = new AbortController();
      let commits = 0;
      const onCommit = (): void => {
        commits += 1;
        if (commits === last) abort.abort();
      };
      await run(target, {}, { signal: abort.signal, onCommit }).catch(() => undefined);
      most = Math.max(most, commits);
      await run(target);
      assert.deepEqual(await content(target), whole, `aborted after commit ${last}`);
    }
    assert.ok(most >= 3, `needs at least three commits to be tested, made ${most}`);
  });

  testIn('leaves the same when the source fails at any batch and the run is repeated', async (directory) => {
    const whole = await unbroken(directory);
    for (let failAt = 0; failAt < batches; failAt += 1) {
      const target = join(directory, `${failAt}`);
      await assert.rejects(run(target, { failAt }), hasMessage(sampleFailure));
      assert.equal((await run(target)).status, 'finished');
      assert.deepEqual(await content(target), whole, `failed at batch ${failAt}`);
    }
  });

  testIn('leaves the same when it is stopped in order, again and again, and repeated', async (directory) => {
    const whole = await unbroken(directory);
    const target = join(directory, 'target');
    for (let at = 0; at < batches; at += 1) {
      const stop = new AbortController();
      const onBatch = (batch: number): void => void (batch === at && stop.abort());
      const { status } = await run(target, { onBatch }, { stopSignal: stop.signal });
      assert.ok(status === 'stopped' || status === 'finished', status);
    }
    await run(target);
    assert.deepEqual(await content(target), whole);
  });
}

/** A sample leaves no trace in what the full run writes, or is refused. */
export function testSample({ run, content, unbroken }: Resumable, takesSamples: boolean): void {
  testIn(takesSamples ? 'leaves the same when a sample was taken before' : 'refuses a sample', async (directory) => {
    const whole = await unbroken(directory);
    const target = join(directory, 'target');
    if (takesSamples) assert.equal((await run(target, {}, { limit: 4 })).status, 'sampled');
    else await assert.rejects(run(target, {}, { limit: 4 }), hasCode('ETL_LIMIT_REFUSED'));
    assert.equal((await run(target)).status, 'finished');
    assert.deepEqual(await content(target), whole);
  });
}
