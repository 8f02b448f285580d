import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { pipeline } from '../../src/pipeline.ts';
import type { RejectPolicy } from '../../src/rejects.ts';
import { jsonlSink } from '../../src/sinks/jsonl.ts';
import { jsonlSource } from '../../src/sources/jsonl.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { failureOf, linesOf, makeFile, someRecords } from '../files/make-files.ts';
import { startRun } from './fixtures/child-run.ts';

const good = someRecords(12);
const mebibyte = 1024 * 1024;

/** Copies `in.jsonl` to `out.jsonl` in a folder. */
function copy(directory: string, onReject: RejectPolicy = 'stop') {
  return pipeline(jsonlSource({ path: join(directory, 'in.jsonl') }), { name: 'copy', onReject }).to(
    jsonlSink({ path: join(directory, 'out.jsonl') }),
  );
}

/** Lines 1 to 6 are good, line 7 is this, lines 8 to 12 are good. */
const withLineSeven = (line: string): string => linesOf(good.slice(0, 6)) + `${line}\n` + linesOf(good.slice(7));

describe('bad input', () => {
  const lines: readonly (readonly [string, string, RegExp])[] = [
    ['broken JSON', '{"id": 6, "text": }', /column 19/],
    ['a NUL', '{"id": "\u0000"}', /column 9/],
    ['half a record', '{"id": 6', /column/],
    ['a lone surrogate as three bytes', 'SURROGATE', /UTF-8/],
  ];
  for (const [what, text, reason] of lines) {
    const bytes = Buffer.concat(
      withLineSeven(text)
        .split('SURROGATE')
        .flatMap((part, index) =>
          index === 0 ? [Buffer.from(part)] : [Buffer.from('22eda080 22'.replace(' ', ''), 'hex'), Buffer.from(part)],
        ),
    );

    testIn(`stops at ${what} in line 7, and goes on when it is mended`, async (directory) => {
      const path = await makeFile(directory, 'in.jsonl', bytes);
      const error = await failureOf(copy(directory).run());
      assert.equal(error.code, 'ETL_RECORD_REJECTED');
      assert.match(error.describe(), reason);
      assert.match(error.describe(), /in\.jsonl:7, byte \d+/);
      assert.match(error.describe(), /stage "jsonl"/);
      assert.match(error.describe(), /onReject/);
      assert.equal(
        await readFile(join(directory, 'out.jsonl'), 'utf8'),
        linesOf(good.slice(0, 6)),
        'what came before is written',
      );
      await writeFile(path, withLineSeven(JSON.stringify(good[6])));
      assert.equal((await copy(directory).run()).status, 'finished');
      assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), linesOf(good));
    });

    testIn(`puts ${what} in line 7 aside and writes the others`, async (directory) => {
      await makeFile(directory, 'in.jsonl', bytes);
      const report = await copy(directory, { to: join(directory, 'rejects.jsonl') }).run();
      assert.deepEqual([report.counts.read, report.counts.written, report.counts.rejected], [12, 11, 1]);
      assert.equal(
        await readFile(join(directory, 'out.jsonl'), 'utf8'),
        linesOf(good.filter((_, index) => index !== 6)),
      );
    });
  }

  testIn('keeps lone surrogates that are escaped: they are JSON', async (directory) => {
    const text = withLineSeven('{"id":6,"text":"\\ud83d"}');
    await makeFile(directory, 'in.jsonl', text);
    await copy(directory).run();
    assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), text);
  });

  testIn('writes all that a truncated gzip holds, and goes on when the whole file is there', async (directory) => {
    const records = someRecords(20_000);
    const whole = gzipSync(linesOf(records));
    const path = await makeFile(directory, 'in.jsonl', whole.subarray(0, Math.floor(whole.length / 2)));
    const error = await failureOf(copy(directory).run());
    assert.equal(error.code, 'ETL_SOURCE_TRUNCATED');
    assert.match(error.describe(), /in\.jsonl, byte \d+, stage "jsonl"[\s\S]*stays written/);
    const written = await readFile(join(directory, 'out.jsonl'), 'utf8');
    assert.ok(written.length > 0 && written.endsWith('\n') && linesOf(records).startsWith(written));
    await writeFile(path, whole);
    assert.equal((await copy(directory).run()).status, 'finished');
    assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), linesOf(records));
  });

  testIn('makes an empty file of an empty file, and says so', async (directory) => {
    await makeFile(directory, 'in.jsonl', '');
    const { counts, warnings } = await copy(directory).run();
    assert.equal(counts.read, 0);
    assert.match(warnings.map(({ message }) => message).join(), /in\.jsonl is empty: it is read as no records/);
    assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), '');
  });

  testIn('tells a missing file and a directory, and leaves the target alone', async (directory) => {
    await makeFile(directory, 'out.jsonl', '');
    const missing = await failureOf(copy(directory).run());
    assert.match(missing.describe(), /^ETL_SOURCE_NOT_FOUND: .*in\.jsonl does not exist/);
    await mkdir(join(directory, 'in.jsonl'));
    const folder = await failureOf(copy(directory).run());
    assert.match(folder.describe(), /^ETL_SOURCE_INVALID: .*in\.jsonl is a directory/);
    assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), '');
  });

  testIn('tells a target that is a directory, and one that may not be written', async (directory) => {
    await makeFile(directory, 'in.jsonl', linesOf(good));
    const to = (path: string) =>
      failureOf(
        pipeline(jsonlSource({ path: join(directory, 'in.jsonl') }))
          .to(jsonlSink({ path }))
          .run(),
      );
    await mkdir(join(directory, 'folder'));
    assert.match((await to(join(directory, 'folder'))).describe(), /^ETL_SINK_FAILED: .*folder is a directory/);
    assert.match((await to('/proc/nowhere/out.jsonl')).describe(), /^ETL_SINK_FAILED: .*\/proc\/nowhere/);
    const locked = join(directory, 'locked');
    await mkdir(locked);
    await chmod(locked, 0o500);
    // Root may write anyway.
    if (process.getuid?.() !== 0) assert.match((await to(join(locked, 'out.jsonl'))).describe(), /permission denied/);
    await chmod(locked, 0o700);
  });

  test('passes over a line of 200 MB in the memory that the limit of 64 MB takes', async () => {
    const over = await peakOf(70 * mebibyte);
    const huge = await peakOf(200 * mebibyte);
    assert.ok(huge - over < 32 * mebibyte, `${huge} bytes at the peak, ${over} with a line just over the limit`);
  });
});

/** Peak memory of a run over a good line, one of that many bytes, and a good line. */
async function peakOf(lineBytes: number): Promise<number> {
  const { child, result } = startRun({ from: '-', to: '', sink: 'discard', rejects: '/dev/null' });
  const { stdin } = child;
  assert.ok(stdin !== null);
  const piece = Buffer.alloc(64 * 1024, 'x');
  stdin.write('{"id":1}\n"');
  for (let left = lineBytes; left > 0; left -= piece.length) {
    if (!stdin.write(piece.subarray(0, left))) await new Promise((resolve) => stdin.once('drain', resolve));
  }
  stdin.end('"\n{"id":2}\n');
  const found = await result;
  assert.equal(found?.status, 'finished', found?.error);
  assert.deepEqual([found.counts?.['written'], found.counts?.['rejected']], [2, 1]);
  return found.peakBytes;
}
