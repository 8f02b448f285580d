import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';

import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import { runPipeline } from '../run.ts';
import type { RunOptions } from '../run-options.ts';
import type { RejectPolicy } from '../rejects.ts';
import type { RunReport } from '../report.ts';
import type { Ledger, Sink, Source } from '../stage.ts';
import { closesWhatItOpens } from './open-handles.ts';
import { sampleFailure, sampleSource, type SampleOptions } from './sample-source.ts';
import { testIn } from './scratch.ts';

export type IfExistsMode = 'append' | 'replace' | 'error';

/** Makes a sink into `directory`; called several times with the same folder, it must make the same sink. */
export type MakeSink = (
  directory: string,
  options: { readonly ifExists?: IfExistsMode },
) => Sink<unknown> | Promise<Sink<unknown>>;

/** What is known of the sinks that are made. They must commit often: after every batch or two of 30 bytes. */
export interface SinkContract {
  /** What the tests are called after. */
  readonly name: string;
  /** The records that a reader finds in the finished target, in order. Nothing there: no records. */
  readonly read: (directory: string) => Promise<readonly unknown[]>;
  /** The finished target, to be compared byte for byte. Default: what `read` gives. */
  readonly content?: (directory: string) => Promise<unknown>;
  /** How many records are safe in the target when a commit with this state is saved. */
  readonly committed?: (directory: string, state: Json) => Promise<number>;
  /** A record to write. Default: an object with an id and a text. */
  readonly record?: (index: number) => unknown;
  /** Records that have no form in this target and must be rejected. */
  readonly unwritable?: readonly unknown[];
  /** What it can do when the target holds data. Default: none of these is tried. */
  readonly ifExists?: readonly IfExistsMode[];
  /** Whether it keeps its progress. Default true. */
  readonly isResumable?: boolean;
  /** Whether it takes the rows of a limited run back when the full run comes. Default true; otherwise it refuses limited runs. */
  readonly takesSamples?: boolean;
}

const total = 32;
const batches = Math.ceil(total / 3);

/**
 * The contract of a sink, as tests of `node:test`: call it in a test file, once for each way of using the sink.
 *
 * A sink writes every record once and in order; says only of what is safe that it is committed; leaves, however a run was
 * interrupted and repeated, the same as an unbroken run; does nothing when a finished run is repeated; and closes what it
 * opened however the run ends.
 */
export function testSink(make: MakeSink, contract: SinkContract): void {
  const {
    name,
    read,
    content = read,
    record = sampleRecord,
    unwritable = [],
    ifExists = [],
    isResumable = true,
    takesSamples = true,
  } = contract;
  const records = Array.from({ length: total }, (_, index) => record(index));
  const asRead = JSON.parse(JSON.stringify(records)) as unknown[];

  const run = async (directory: string, sample: SampleOptions = {}, options: Options = {}): Promise<RunReport> => {
    const sink = await make(directory, options.ifExists === undefined ? {} : { ifExists: options.ifExists });
    const checked = contract.committed === undefined ? sink : withCheckedCommits(sink, directory, contract.committed);
    return runSample(sampleSource(options.records ?? records, sample), checked, options);
  };
  const unbroken = async (directory: string): Promise<unknown> => {
    const elsewhere = join(directory, 'unbroken');
    await run(elsewhere);
    return content(elsewhere);
  };

  describe(`sink ${name}`, () => {
    testIn('writes every record once, in order', async (directory) => {
      const report = await run(directory);
      assert.equal(report.status, 'finished');
      assert.equal(report.counts.written, total);
      assert.deepEqual(await read(directory), asRead);
    });

    testIn('writes the same from JSON text, from objects, and from a slow source', async (directory) => {
      const whole = await unbroken(directory);
      for (const [index, sample] of [{ asText: true }, { turns: 5 }, { asText: true, turns: 5 }].entries()) {
        await run(join(directory, `${index}`), sample);
        assert.deepEqual(await content(join(directory, `${index}`)), whole, JSON.stringify(sample));
      }
    });

    testIn('leaves a complete target when there are no records', async (directory) => {
      const report = await run(directory, {}, { records: [] });
      assert.equal(report.status, 'finished');
      assert.deepEqual(await read(directory), []);
    });

    for (const [how, sample, options] of endings) {
      testIn(`closes what it opened when ${how}`, (directory) =>
        closesWhatItOpens(async () => {
          const abort = new AbortController();
          const running = run(directory, sample, options(abort));
          await running.catch(() => undefined);
        }),
      );
    }

    if (unwritable.length > 0) {
      testIn('rejects a record that has no form here and writes the others', async (directory) => {
        const to = join(directory, 'rejects.jsonl');
        const mixed = unwritable.flatMap((bad, index) => [record(index), bad]);
        const report = await run(directory, {}, { records: mixed, policy: { to } });
        assert.equal(report.counts.rejected, unwritable.length);
        assert.deepEqual(await read(directory), asRead.slice(0, unwritable.length));
        assert.equal((await readFile(to, 'utf8')).trimEnd().split('\n').length, unwritable.length);
      });
    }

    if (isResumable) testResume({ run, content, unbroken });
    if (isResumable) testSample({ run, content, unbroken }, takesSamples);

    if (ifExists.includes('error')) {
      testIn('refuses a target that holds data, and leaves it alone', async (directory) => {
        await run(directory, {}, { ifExists: 'error' });
        const before = await content(directory);
        await assert.rejects(run(directory, {}, { ifExists: 'error', newRun: true }), hasCode('ETL_SINK_EXISTS'));
        assert.deepEqual(await content(directory), before);
      });
    }
    if (ifExists.includes('append')) {
      testIn('adds to a target that holds data', async (directory) => {
        await run(directory, {}, { ifExists: 'append' });
        await run(directory, {}, { ifExists: 'append', newRun: true });
        assert.deepEqual(await read(directory), [...asRead, ...asRead]);
      });
    }
    if (ifExists.includes('replace')) {
      testIn(
        'takes the place of a target that holds data, but not when the source fails at once',
        async (directory) => {
          await run(directory, {}, { ifExists: 'replace' });
          const before = await content(directory);
          await assert.rejects(
            run(directory, { failAt: 0 }, { ifExists: 'replace', newRun: true }),
            hasMessage(sampleFailure),
          );
          assert.deepEqual(await content(directory), before);
          await run(directory, {}, { ifExists: 'replace', newRun: true, records: records.slice(1) });
          assert.deepEqual(await read(directory), asRead.slice(1));
        },
      );
    }
  });
}

interface Options extends RunOptions {
  readonly ifExists?: IfExistsMode | undefined;
  readonly records?: readonly unknown[] | undefined;
  readonly policy?: RejectPolicy | undefined;
}

interface Resumable {
  readonly run: (directory: string, sample?: SampleOptions, options?: Options) => Promise<RunReport>;
  readonly content: (directory: string) => Promise<unknown>;
  readonly unbroken: (directory: string) => Promise<unknown>;
}

function testResume({ run, content, unbroken }: Resumable): void {
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

function testSample({ run, content, unbroken }: Resumable, takesSamples: boolean): void {
  testIn(takesSamples ? 'leaves the same when a sample was taken before' : 'refuses a sample', async (directory) => {
    const whole = await unbroken(directory);
    const target = join(directory, 'target');
    if (takesSamples) assert.equal((await run(target, {}, { limit: 4 })).status, 'sampled');
    else await assert.rejects(run(target, {}, { limit: 4 }), hasCode('ETL_LIMIT_REFUSED'));
    assert.equal((await run(target)).status, 'finished');
    assert.deepEqual(await content(target), whole);
  });
}

/** Ways for a run to end, for the tests of what stays open. */
const endings: readonly (readonly [string, SampleOptions, (abort: AbortController) => Options])[] = [
  ['the run is finished', {}, () => ({})],
  ['the source fails', { failAt: 4 }, () => ({})],
  ['the run is aborted', {}, (abort) => ({ signal: abort.signal, onCommit: () => abort.abort() })],
  [
    'the run is aborted before it begins',
    {},
    (abort) => ({ signal: AbortSignal.any([abort.signal, AbortSignal.abort()]) }),
  ],
];

async function runSample(
  source: Source<unknown>,
  sink: Sink<unknown>,
  { policy = 'stop', ...options }: Options,
): Promise<RunReport> {
  return runPipeline({ name: 'contract', source, transforms: [], sink, onReject: policy }, options);
}

/** The sink with a ledger that looks, at every commit it is to save, whether the records are there. */
function withCheckedCommits(
  sink: Sink<unknown>,
  directory: string,
  committed: NonNullable<SinkContract['committed']>,
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

function sampleRecord(index: number): unknown {
  return { id: index, text: `record ${index}, with a "quote", a line\nbreak and ${'🙂'.repeat(index % 4)}` };
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof EtlError && error.code === code;
}

function hasMessage(message: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && error.message.includes(message);
}
