import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { join } from 'node:path';

import type { Json } from '../json.ts';
import type { Source } from '../stage.ts';
import { hasCode } from './expected-error.ts';
import { closesWhatItOpens } from './open-handles.ts';
import { readAll, readHolding, recordsOf } from './recorder.ts';
import { testIn } from './scratch.ts';

/** Makes a source. `directory` is an empty folder of the test's own, which may be called with several times. */
export type MakeSource = (directory: string) => Source<unknown> | Promise<Source<unknown>>;

/** What is known of the sources that are made. */
export interface SourceContract {
  /** What the tests are called after. */
  readonly name: string;
  /** How many records it gives. They must be enough for at least three batches. */
  readonly records: number;
  /** Whether it gives cursors. Default true. */
  readonly isResumable?: boolean;
  /** A source over input with mistakes in it: how many records are good, how many bad, and how many good before the first bad. */
  readonly damaged?: {
    readonly make: MakeSource;
    readonly records: number;
    readonly rejected: number;
    readonly before: number;
  };
  /** A source over local files much larger than `maxBytes`, of which no more may be read ahead of a reader that stands still. */
  readonly readAhead?: { readonly make: MakeSource; readonly maxBytes: number };
}

/**
 * The contract of a source, as tests of `node:test`: call it in a test file, once for each way of using the source.
 *
 * A source gives the same batches each time; goes on from any of its cursors with exactly the rest, cut into the same
 * batches; closes what it opened however its reading ends; does not run ahead of a slow reader; and leaves out what is bad
 * in its input, one record at a time.
 */
export function testSource(make: MakeSource, contract: SourceContract): void {
  const { name, records, isResumable = true, damaged, readAhead } = contract;
  describe(`source ${name}`, () => {
    testIn('gives the same batches each time it is read', async (directory) => {
      const first = await readAll(await make(directory));
      const second = await readAll(await make(directory));
      assert.equal(recordsOf(first.batches).length, records);
      assert.ok(first.batches.length >= 3, `needs at least three batches to be tested, has ${first.batches.length}`);
      assert.deepEqual(second.batches, first.batches);
      for (const { at } of first.batches) assert.equal(at !== undefined, isResumable, 'has a cursor');
    });

    testIn('writes over the memory of a batch only when that was given back', async (directory) => {
      const { batches } = await readAll(await make(directory));
      const { came, stayed } = await readHolding(await make(directory));
      assert.deepEqual(came, batches);
      const held = batches.filter((_, index) => index % 2 === 0);
      assert.deepEqual(recordsOf(stayed), recordsOf(held));
    });

    testIn('names what it reads in a configuration that can be compared', async (directory) => {
      const { config = {} } = await make(directory);
      assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
      assert.deepEqual((await make(directory)).config ?? {}, config);
    });

    if (isResumable) {
      testIn('goes on from every cursor with the rest, cut into the same batches', async (directory) => {
        const { batches } = await readAll(await make(directory));
        for (const [index, { at }] of batches.entries()) {
          const rest = await readAll(await make(directory), { from: savedAndRead(at) });
          assert.deepEqual(rest.batches, batches.slice(index + 1), `from the cursor of batch ${index + 1}`);
        }
      });
    }

    testIn('closes what it opened when it is read to its end', (directory) =>
      closesWhatItOpens(async () => void (await readAll(await make(directory)))),
    );

    testIn('closes what it opened when its reader stops early', (directory) =>
      closesWhatItOpens(async () => {
        const { batches } = await readAll(await make(directory), { limit: 1 });
        assert.equal(recordsOf(batches).length, 1);
      }),
    );

    testIn('closes what it opened when the run is aborted', (directory) =>
      closesWhatItOpens(async () => {
        const abort = new AbortController();
        const reading = readAll(await make(directory), { signal: abort.signal, onBatch: () => abort.abort() });
        await assert.rejects(reading, hasCode('ETL_ABORTED'));
      }),
    );

    testIn('stops in order when it is asked to', (directory) =>
      closesWhatItOpens(async () => {
        const stop = new AbortController();
        const { report } = await readAll(await make(directory), {
          stopSignal: stop.signal,
          onBatch: () => stop.abort(),
        });
        assert.equal(report.status, 'stopped');
      }),
    );

    testIn('closes what it opened when a neighbour fails', (directory) =>
      closesWhatItOpens(async () => {
        const failing = readAll(await make(directory), {
          onBatch: () => {
            throw new Error('the neighbour failed');
          },
        });
        await assert.rejects(failing, /the neighbour failed/);
      }),
    );

    if (damaged !== undefined) testDamaged(damaged);
    if (readAhead !== undefined) testReadAhead(readAhead);
  });
}

function testDamaged({ make, records, rejected, before }: NonNullable<SourceContract['damaged']>): void {
  testIn('leaves out what is bad in its input, and says where it is', async (directory) => {
    const to = join(directory, 'rejects.jsonl');
    const { batches, report } = await readAll(await make(directory), { policy: { to } });
    assert.equal(recordsOf(batches).length, records);
    assert.equal(report.counts.rejected, rejected);
    assert.equal(report.counts.read, records + rejected);
    const lines = (await readFile(to, 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, rejected);
    for (const line of lines) {
      const reject = JSON.parse(line) as Record<string, unknown>;
      assert.ok(typeof reject['at'] === 'string' && reject['at'] !== '', line);
      assert.ok(typeof reject['reason'] === 'string' && reject['reason'] !== '', line);
    }
  });

  testIn('stops at the first bad record, with every record before it given', async (directory) => {
    const given: string[] = [];
    const source = await make(directory);
    const counting: Source<unknown> = {
      ...source,
      async *read(ctx) {
        for await (const batch of source.read(ctx)) {
          given.push(...batch.records.map((record) => JSON.stringify(record)));
          yield batch;
        }
      },
    };
    await assert.rejects(readAll(counting), hasCode('ETL_RECORD_REJECTED'));
    assert.equal(given.length, before);
  });

  testIn('goes on from every cursor around what is bad', async (directory) => {
    const policy = (attempt: number) => ({ to: join(directory, `rejects-${attempt}.jsonl`) });
    const whole = await readAll(await make(directory), { policy: policy(0) });
    for (const [index, { at }] of whole.batches.entries()) {
      if (at === undefined) continue;
      const rest = await readAll(await make(directory), { from: savedAndRead(at), policy: policy(index + 1) });
      assert.deepEqual(rest.batches, whole.batches.slice(index + 1));
    }
  });
}

function testReadAhead({ make, maxBytes }: NonNullable<SourceContract['readAhead']>): void {
  testIn('does not run ahead of a reader that stands still', async (directory) => {
    const source = await make(directory);
    const { bytes } = (await source.estimate?.(new AbortController().signal)) ?? {};
    assert.ok(
      bytes === undefined || bytes > 2 * maxBytes,
      `${bytes} bytes of input are too few to see read-ahead of ${maxBytes}`,
    );
    const start = await bytesReadByProcess();
    if (start === undefined) return;
    const abort = new AbortController();
    let read = 0;
    const reading = readAll(source, {
      signal: abort.signal,
      onBatch: async () => {
        read = (await settled()) - start;
        abort.abort();
      },
    });
    await assert.rejects(reading, hasCode('ETL_ABORTED'));
    assert.ok(read <= maxBytes, `${read} bytes were read before the second batch was asked for, more than ${maxBytes}`);
  });
}

/** Bytes this process has read, once it reads no more by itself. */
async function settled(): Promise<number> {
  let last = -1;
  for (let still = 0; still < 100; still += 1) {
    await setImmediate();
    const now = (await bytesReadByProcess()) ?? 0;
    // Asking takes a few hundred bytes itself.
    if (now - last > 4096) still = 0;
    last = now;
  }
  return last;
}

/** Bytes read by this process since it began; nothing where the system does not tell. */
async function bytesReadByProcess(): Promise<number | undefined> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => '');
  const found = /rchar: (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A cursor as it comes back from a ledger. */
function savedAndRead(cursor: Json | undefined): Json {
  return JSON.parse(JSON.stringify(cursor ?? null)) as Json;
}
