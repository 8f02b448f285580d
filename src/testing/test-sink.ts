import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';

import type { Json } from '../json.ts';
import type { RunReport } from '../report.ts';
import type { Sink } from '../stage.ts';
import { hasCode, hasMessage } from './expected-error.ts';
import { closesWhatItOpens } from './open-handles.ts';
import { endings, runSample, withCheckedCommits, type IfExistsMode, type SampleRunOptions } from './sample-run.ts';
import { sampleFailure, sampleSource, type SampleOptions } from './sample-source.ts';
import { testIn } from './scratch.ts';
import { testResume, testSample } from './test-resume.ts';

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

  const run = async (
    directory: string,
    sample: SampleOptions = {},
    options: SampleRunOptions = {},
  ): Promise<RunReport> => {
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

    if (isResumable) testResume({ run, content, unbroken, batches });
    if (isResumable) testSample({ run, content, unbroken, batches }, takesSamples);

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

function sampleRecord(index: number): unknown {
  return { id: index, text: `record ${index}, with a "quote", a line\nbreak and ${'🙂'.repeat(index % 4)}` };
}
