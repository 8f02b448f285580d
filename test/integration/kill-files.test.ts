import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { digestsOf, runToEnd, startRun, untilBytes } from './fixtures/child-run.ts';
import type { FixtureOptions, FixtureResult } from './fixtures/run-pipeline.ts';

const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);
const records = 30_000;

const kinds: readonly { readonly sink: FixtureOptions['sink']; readonly kills: number; readonly file: string }[] = [
  { sink: 'jsonl', kills: 20, file: '' },
  { sink: 'jsonl.gz', kills: 4, file: '' },
  { sink: 'json-array', kills: 4, file: '' },
  { sink: 'bson-dump', kills: 2, file: 'records.bson' },
];

describe('a run into a file', { concurrency: 2 }, () => {
  let directory = '';
  let from = '';
  let unbroken: Awaited<ReturnType<typeof unbrokenRuns>>;

  /** A run into files of its own. */
  const runAs = (sink: FixtureOptions['sink'], name: string, file = '') => {
    const options = { from, sink, to: join(directory, sink, name), rejects: join(directory, sink, `${name}.rejects`) };
    return { options, target: join(options.to, file), paths: [join(options.to, file), options.rejects] };
  };
  const unbrokenRuns = async () => {
    const found = new Map<string, { counts: FixtureResult['counts']; digests: readonly string[]; size: number }>();
    for (const { sink, file } of kinds) {
      const { options, target, paths } = runAs(sink, 'unbroken', file);
      const { counts } = await runToEnd(options);
      found.set(sink, { counts, digests: await digestsOf(paths), size: (await stat(target)).size });
    }
    return (sink: string) => found.get(sink) ?? assert.fail(sink);
  };
  /** Repeats a run and compares all that it leaves with what an unbroken one does. */
  const finishes = async (run: ReturnType<typeof runAs>, how: string) => {
    const { status, counts, error } = await runToEnd(run.options);
    assert.match(status, /^(finished|unchanged)$/, error);
    const expected = unbroken(run.options.sink);
    assert.deepEqual(counts, expected.counts, how);
    assert.deepEqual(await digestsOf(run.paths), expected.digests, how);
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'threadmill-kill-'));
    from = join(directory, 'in.jsonl');
    await writeFile(from, input());
    unbroken = await unbrokenRuns();
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const { sink, kills, file } of kinds) {
    test(`leaves the same when it is killed at any moment and repeated (${sink}, ${kills} times, seed ${seed})`, async (t) => {
      const random = randomFrom(seed + kills);
      for (let kill = 0; kill < kills; kill += 1) {
        const run = runAs(sink, `${kill}`, file);
        const { size } = unbroken(sink);
        const point = random();
        // By turns from outside, when the file has some length, and by the run itself, with writes under way.
        if (kill % 2 === 0) {
          const running = startRun(run.options);
          await untilBytes(run.target, Math.floor(point * size), running);
          running.child.kill('SIGKILL');
          await running.result;
        } else {
          const { result } = startRun({ ...run.options, killAt: 1 + Math.floor(point * 60) });
          assert.equal(await result, undefined, 'the run was not killed');
        }
        const left = await stat(run.target).catch(() => undefined);
        t.diagnostic(`killed with ${left?.size ?? 0} of ${size} bytes`);
        await finishes(run, `killed at ${point}`);
      }
    });
  }

  test('leaves the same when it is killed again and again before it is finished', async () => {
    const run = runAs('jsonl', 'often');
    for (let kill = 1; kill <= 4; kill += 1)
      assert.equal(await startRun({ ...run.options, killAt: 14 }).result, undefined);
    await finishes(run, 'killed four times');
  });

  for (const sink of ['jsonl', 'jsonl.gz', 'json-array'] as const) {
    test(`leaves the same when it is interrupted in order and repeated (${sink})`, async () => {
      const run = runAs(sink, 'stopped');
      const running = startRun({ ...run.options, pauseAt: 30 });
      await once(running.child.stdout ?? assert.fail(), 'data');
      running.child.kill('SIGINT');
      running.child.stdin?.end();
      assert.equal((await running.result)?.status, 'stopped');
      await finishes(run, 'interrupted');
    });

    test(`goes on when there is room again where there was none (${sink})`, async () => {
      const run = runAs(sink, 'limited');
      // A limit of the process, in blocks of 1024 bytes.
      const full = await runToEnd(run.options, `ulimit -f ${Math.floor(unbroken(sink).size / 2 / 1024)}`);
      assert.match(
        full.error ?? '',
        /^ETL_SINK_FAILED: .* is larger than .*\n[^]* {2}\d+ records \(\d+ bytes\) are committed/,
      );
      await finishes(run, 'limited');
    });
  }

  test('goes on when there is room again on a disk that was full', async (t) => {
    const disk = join(directory, 'disk');
    await mkdir(disk);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]).status !== 0) {
      t.skip('needs the right to mount a small file system');
      return;
    }
    try {
      const options = { ...runAs('jsonl', 'disk').options, to: join(disk, 'out.jsonl') };
      const full = await runToEnd(options);
      assert.match(
        full.error ?? '',
        /^ETL_SINK_FAILED: .* the disk is full\n[^]* {2}\d+ records \(\d+ bytes\) are committed/,
      );
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      await finishes({ options, target: options.to, paths: [options.to, options.rejects] }, 'full');
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('keeps a second run out while it runs, and not after it was killed', async () => {
    const run = runAs('jsonl', 'locked');
    const first = startRun({ ...run.options, pauseAt: 30 });
    await once(first.child.stdout ?? assert.fail(), 'data');
    const second = await runToEnd(run.options);
    assert.match(second.error ?? '', /^ETL_RUN_LOCKED: process \d+ is running/);
    first.child.kill('SIGKILL');
    await first.result;
    await finishes(run, 'locked');
  });
});

/** About 15 MB of records of different sizes, with a bad line here and there. */
function input(): string {
  const random = randomFrom(seed);
  const lines: string[] = [];
  for (let id = 0; id < records; id += 1) {
    lines.push(JSON.stringify({ id, text: `message ${id} ${'wörd '.repeat(Math.floor(random() ** 4 * 400))}` }));
    if (random() < 0.002) lines.push(`{"bad": ${id}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
