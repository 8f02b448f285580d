import assert from 'node:assert/strict';
import { test } from 'node:test';

import { displayWidth } from '../../src/cli/format.ts';
import { bottleneck, progressShare, timeLeft, timeShares, type ProgressView } from '../../src/cli/progress-view.ts';
import { progressDisplay, viewer } from '../../src/cli/progress-display.ts';
import { RateMeter } from '../../src/cli/rate-meter.ts';
import { renderProgress, renderProgressLine } from '../../src/cli/render-progress.ts';
import { createCli } from '../../src/cli/io.ts';
import { noCounts } from '../../src/report.ts';
import { EventEmitter } from 'node:events';

type Stage = ProgressView['stages'][number];

function stage(name: string, role: Stage['role'], figures: Partial<Stage> = {}): Stage {
  const none = { in: 0, out: 0, bytes: 0, filtered: 0, skipped: 0, merged: 0, expanded: 0, rejected: 0, replayed: 0 };
  return { stage: name, role, ...none, waitUpMs: 0, waitDownMs: 0, busyMs: 0, exhausted: false, ...figures };
}

const view: ProgressView = {
  pipeline: 'import',
  elapsedMs: 61_000,
  stages: [
    stage('jsonl', 'source', { out: 1_500_000, bytes: 600e6, busyMs: 100, waitDownMs: 900 }),
    stage('filter', 'transform', { in: 1_499_000, out: 1_400_000, filtered: 99_000, busyMs: 900, waitUpMs: 100 }),
    stage('jsonl-2', 'sink', { in: 1_400_000, out: 1_390_000, rejected: 2, busyMs: 200, waitUpMs: 800 }),
  ],
  before: { read: 0, bytes: 0 },
  committed: { ...noCounts, read: 1_490_000, written: 1_390_000, filtered: 98_000, rejected: 2 },
  estimate: { bytes: 1000e6 },
  rates: { records: 25_000, bytes: 10e6 },
};

test('a terminal gets a headline and a line a stage', () => {
  assert.deepEqual(renderProgress(view, 120), [
    'import · 1 min 01 s · 25.0k records/s · 10.0 MB/s · 60 % · 40.0 s left',
    '  jsonl    1,500,000 read                          busy 10 %, waits in 0 %, out 90 %',
    '  filter   1,499,000 → 1,400,000, 99,000 filtered  busy 90 %, waits in 10 %, out 0 %  ← slowest',
    '  jsonl-2  1,390,000 written, 2 rejected           busy 20 %, waits in 80 %, out 0 %',
  ]);
});

test('a log gets one line', () => {
  assert.equal(
    renderProgressLine(view),
    'import: 1 min 01 s · read 1,500,000 · written 1,390,000 · filtered 98,000 · rejected 2 · 25.0k records/s · 10.0 MB/s · 60 % · 40.0 s left · slowest: filter (at work 90 %)',
  );
});

test('no line is as wide as the terminal, whatever the names', () => {
  const odd = {
    ...view,
    pipeline: '読書'.repeat(50),
    stages: view.stages.map((figures) => ({ ...figures, stage: `👩‍💻${figures.stage}` })),
  };
  for (const columns of [1, 2, 10, 40, 80, 200]) {
    for (const line of renderProgress(odd, columns)) assert.ok(displayWidth(line) < columns, `${columns}: ${line}`);
  }
});

test('share and time left are shown only where they are known', () => {
  const at = (estimate: ProgressView['estimate'], before = view.before, rates = view.rates) => {
    const seen = { ...view, estimate, before, rates };
    return [progressShare(seen), timeLeft(seen)];
  };
  assert.deepEqual(at(undefined), [undefined, undefined]);
  assert.deepEqual(at({}), [undefined, undefined]);
  assert.deepEqual(at({ bytes: 1000e6 }), [0.6, 40_000]);
  assert.deepEqual(at({ records: 3_000_000 }), [0.5, 60_000]);
  assert.deepEqual(at({ records: 10 }), [1, 0]);
  assert.deepEqual(at({ bytes: 1000e6 }, { read: 1, bytes: 200e6 }), [0.8, 20_000]);
  assert.deepEqual(at({ bytes: 1000e6 }, view.before, { records: 0, bytes: 0 }), [0.6, undefined]);
});

test('the slowest stage is the one most at work, if any stands out', () => {
  assert.equal(bottleneck(view.stages)?.stage, 'filter');
  const computing = [stage('a', 'source', { busyMs: 99 }), stage('b', 'transform', { busyMs: 97, waitUpMs: 2 })];
  assert.equal(bottleneck(computing)?.stage, 'b');
  assert.equal(bottleneck([stage('a', 'source', { busyMs: 1, waitDownMs: 99 })]), undefined);
  assert.equal(bottleneck([]), undefined);
  assert.deepEqual(timeShares(stage('a', 'source')), { busy: 0, up: 0, down: 0 });
});

test('rates are those of the last seconds', () => {
  const meter = new RateMeter(10_000);
  assert.deepEqual(meter.rates, { records: 0, bytes: 0 });
  for (let second = 0; second <= 100; second += 1)
    meter.add({ at: second * 1000, records: second < 50 ? second * 10 : 500 + (second - 50) * 2, bytes: 0 });
  assert.equal(meter.rates.records, 2);
});

test('the display is drawn over itself ten times a second, and gone in the end', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const written: string[] = [];
  const output = { isTTY: true, columns: 60, write: (text: string) => void written.push(text) };
  const display = progressDisplay(
    createCli({ stdout: output, stderr: output, env: {}, cwd: '.', signals: new EventEmitter() }, []),
  );
  const { pipeline, stages, before, committed } = view;
  display.start({ run: 'r', pipeline, resumed: false, stages, before, committed: () => committed });
  display.estimated({ bytes: 1000e6 });
  t.mock.timers.tick(1000);
  assert.equal(written.filter((text) => text.includes('import ·')).length, 10);
  assert.equal(written.filter((text) => text === '\r\u001B[4A\u001B[0J').length, 9);
  display.say('hello');
  assert.deepEqual(written.slice(-2), ['\r\u001B[4A\u001B[0J', 'hello\n']);
  display.end();
  const { length } = written;
  t.mock.timers.tick(1000);
  assert.equal(written.length, length);
});

test('a log gets a line every five seconds', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text) };
  const display = progressDisplay(
    createCli({ stdout: output, stderr: output, env: {}, cwd: '.', signals: new EventEmitter() }, []),
  );
  const { pipeline, stages, before, committed } = view;
  display.start({ run: 'r', pipeline, resumed: false, stages, before, committed: () => committed });
  t.mock.timers.tick(11_000);
  display.end();
  assert.equal(written.length, 2);
  assert.match(written[0] ?? '', /^import: .*read 1,500,000/);
});

test('a viewer knows nothing before the run has started', () => {
  let now = 0;
  const views = viewer(() => now);
  assert.equal(views.now(), undefined);
  const { pipeline, stages, before, committed } = view;
  views.start({ run: 'r', pipeline, resumed: false, stages, before, committed: () => committed });
  assert.equal(views.now()?.elapsedMs, 0);
  now = 500;
  assert.equal(views.now()?.elapsedMs, 500);
});
