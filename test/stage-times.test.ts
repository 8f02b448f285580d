import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pipeline } from '../src/pipeline.ts';
import { reportOf } from '../src/report.ts';
import type { RunReport } from '../src/report.ts';
import type { LiveRun } from '../src/run-options.ts';
import { syncTransform } from '../src/streams.ts';
import { arraySource, Store, storeSink } from './helpers/memory.ts';

const numbers = Array.from({ length: 100 }, (_, index) => index);
const same = () => syncTransform<number, number>({ name: 'same' }, () => (batch) => batch);
const waiting = () => ({ role: 'transform' as const, name: 'waiting', apply: same().apply });

function isSound({ stages, elapsedMs }: RunReport): void {
  for (const { stage, busyMs, waitUpMs, waitDownMs } of stages) {
    for (const time of [busyMs, waitUpMs, waitDownMs]) assert.ok(time >= 0, `${stage}: ${time}`);
    // The report rounds to whole milliseconds.
    assert.ok(busyMs + waitUpMs + waitDownMs <= elapsedMs + 1, `${stage} has spent more time than there was`);
  }
}

test('no stage spends less than no time or more than there was', async () => {
  const store = new Store<number>();
  const report = await pipeline(arraySource(numbers))
    .through(same())
    .through(same())
    .through(waiting())
    .to(storeSink(store))
    .run();
  isSound(report);
});

test('nor does one that fails', async () => {
  const store = new Store<number>();
  const run = pipeline(arraySource(numbers, { failAt: 50 }))
    .through(same())
    .through(waiting())
    .to(storeSink(store))
    .run();
  const error: unknown = await run.catch((reason: unknown) => reason);
  const report = reportOf(error);
  assert.ok(report !== undefined);
  isSound(report);
});

test('who looks at a running pipeline sees what each stage is doing now', async () => {
  let live: LiveRun | undefined;
  const seen: Readonly<Record<string, number>>[] = [];
  const look = (): void => {
    const of = (name: string) => live?.stages.find(({ stage }) => stage === name);
    seen.push({ working: of('working')?.busyMs ?? 0, sink: of('store')?.waitUpMs ?? 0 });
  };
  const working = syncTransform<number, number>({ name: 'working' }, () => (batch) => {
    look();
    for (const begun = performance.now(); performance.now() === begun; );
    look();
    return batch;
  });
  await pipeline(arraySource(numbers))
    .through({ role: 'transform', name: 'working', apply: working.apply })
    .to(storeSink(new Store<number>()))
    .run({
      onStart: (run) => {
        live = run;
      },
    });
  const [before, after] = seen;
  for (const stage of ['working', 'sink']) {
    assert.ok((after?.[stage] ?? 0) > (before?.[stage] ?? 0), `${stage}: ${JSON.stringify(seen.slice(0, 2))}`);
  }
});
