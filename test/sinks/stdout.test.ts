import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { jsonArrayLayout, jsonLinesLayout } from '../../src/files/json-layout.ts';
import { writeRecordStream } from '../../src/files/record-stream.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Sink } from '../../src/stage.ts';
import { sampleSource } from '../../src/testing/index.ts';
import { linesOf, someRecords } from '../files/make-files.ts';

const fixture = fileURLToPath(new URL('fixtures/to-stdout.ts', import.meta.url));

describe('sink stdout', () => {
  test('writes every record as a line, and nothing else', async () => {
    const { output, report } = await runToStdout('stdout', 5000, (bytes) => bytes);
    assert.equal(output.toString(), linesOf(someRecords(5000)));
    assert.deepEqual([report['status'], report['written']], ['finished', 5000]);
  });

  for (const kind of ['stdout', 'jsonl', 'json-array']) {
    test(`ends without an error when the reader goes away (${kind})`, async () => {
      const { output, report, code } = await runToStdout(kind, 1_000_000, (bytes) => bytes.subarray(0, 1), true);
      assert.ok(output.length > 0);
      assert.equal(code, 0);
      assert.equal(report['status'], 'finished');
      assert.ok(Number(report['read']) < 1_000_000, 'did not read on for nobody');
      assert.equal(Number(report['read']), Number(report['written']) + Number(report['skipped']));
    });
  }

  test('compresses and closes the array on a stream, too', async () => {
    const stream = new PassThrough();
    const sink: Sink<unknown> = {
      role: 'sink',
      name: 'stream',
      write: (batches, ctx) => writeRecordStream(batches, ctx, { layout: jsonArrayLayout('a'), gzipLevel: 1, stream }),
    };
    const reading = buffer(stream);
    await pipeline(sampleSource([1, 2]))
      .to(sink)
      .run();
    stream.end();
    assert.equal(gunzipSync(await reading).toString(), '{"a":[\n1,\n2\n]}\n');
  });

  test('gives out each batch when it comes, not when a buffer is full', async () => {
    const stream = new PassThrough();
    const seen: string[] = [];
    const sink: Sink<unknown> = {
      role: 'sink',
      name: 'stream',
      write: (batches, ctx) => writeRecordStream(batches, ctx, { layout: jsonLinesLayout, stream }),
    };
    stream.on('data', (bytes: Buffer) => seen.push(bytes.toString()));
    await pipeline(sampleSource([1, 2, 3], { batchSize: 1 }))
      .to(sink)
      .run();
    assert.deepEqual(seen, ['1\n', '2\n', '3\n']);
    await setImmediate();
    assert.equal(stream.listenerCount('error'), 0);
  });
});

/** Runs the fixture; `isHasty`: goes away after the first bytes. The report comes on the standard error. */
async function runToStdout(
  kind: string,
  records: number,
  keep: (bytes: Buffer) => Buffer,
  isHasty = false,
): Promise<{ output: Buffer; report: Record<string, unknown>; code: number | null }> {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, kind, String(records)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors = buffer(child.stderr);
  const exit = once(child, 'close');
  let output: Buffer;
  if (isHasty) {
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    output = keep(first);
    child.stdout.destroy();
  } else output = keep(await buffer(child.stdout));
  const [code] = (await exit) as [number | null];
  const text = (await errors).toString();
  assert.match(text, /^\{.*\}\n$/, 'only the report on the standard error');
  return { output, report: JSON.parse(text) as Record<string, unknown>, code };
}
