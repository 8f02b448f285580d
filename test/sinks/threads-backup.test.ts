import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { EtlError } from '../../src/errors.ts';
import { asThreadRecord, joinThreadParts, THREAD_SCHEMA, type ThreadRecord } from '../../src/models/langgraph.ts';
import { pipeline } from '../../src/pipeline.ts';
import { threadsBackupSink, type ThreadsBackupSinkOptions } from '../../src/sinks/threads-backup.ts';
import { threadsBackupSource } from '../../src/sources/threads-backup.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { testSource } from '../../src/testing/index.ts';
import { arraySource } from '../helpers/memory.ts';
import { stubThread } from '../helpers/langgraph/stub.ts';

function thread(number: number, checkpoints = 3): ThreadRecord {
  const { row, history } = stubThread(number, { checkpoints });
  return { schema: THREAD_SCHEMA, thread_id: row.thread_id, thread: row, origin: { runtime: 'js' }, history };
}

/** A thread as two records. */
function inParts(whole: ThreadRecord): ThreadRecord[] {
  return [whole.history.slice(0, 2), whole.history.slice(2)].map((history, index) => ({
    ...whole,
    history,
    part: { number: index + 1, isLast: index === 1 },
  }));
}

const whole = [0, 1, 2, 3, 4, 5].map((number) => thread(number, number));
const records = [...whole.slice(0, 4), ...inParts(whole[4] as ThreadRecord), ...whole.slice(5)];

function write(path: string, options: Partial<ThreadsBackupSinkOptions> = {}, given: readonly unknown[] = records) {
  return pipeline(arraySource(given, { batchSize: 2 }), { name: 'backup' })
    .to(threadsBackupSink({ path, ...options }) as never)
    .run({ newRun: true });
}

async function readBack(path: string): Promise<ThreadRecord[]> {
  return recordsOf((await readAll(threadsBackupSource({ path }))).batches).map((text) =>
    asThreadRecord(JSON.parse(text)),
  );
}

describe('a bundle', () => {
  for (const compress of ['none', 'gzip'] as const) {
    testIn(`holds what was given, and digests that prove it (${compress})`, async (directory) => {
      const path = join(directory, 'bundle');
      await write(path, { compress, source: 'http://there' });
      assert.deepEqual(await readBack(path), records);
      const name = compress === 'gzip' ? 'threads.jsonl.gz' : 'threads.jsonl';
      const bytes = await readFile(join(path, name));
      const lines = (compress === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8').trimEnd().split('\n');
      const manifest = JSON.parse(await readFile(join(path, 'MANIFEST.json'), 'utf8')) as Record<string, unknown>;
      const digest = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
      const index = await readFile(join(path, 'index.jsonl'));
      assert.deepEqual(manifest, {
        schema: 'threadmill/langgraph-bundle@1',
        source: 'http://there',
        counts: { threads: 6, records: 7, checkpoints: 15 },
        files: [
          { name, sha256: digest(bytes), bytes: bytes.length },
          { name: 'index.jsonl', sha256: digest(index), bytes: index.length },
        ],
      });
      const entries = index
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(entries[4], {
        thread_id: whole[4]?.thread_id,
        records: 2,
        checkpoints: 4,
        bytes: Buffer.byteLength(`${lines[4]}\n${lines[5]}\n`),
        sha256: digest(`${lines[4]}\n${lines[5]}\n`),
      });
    });
  }

  testIn('is empty where there are no threads', async (directory) => {
    await write(join(directory, 'b'), {}, []);
    assert.deepEqual(await readBack(join(directory, 'b')), []);
  });

  testIn('is not overwritten unless that is asked for', async (directory) => {
    const path = join(directory, 'b');
    await write(path);
    const again = pipeline(arraySource(records, { batchSize: 3 }), { name: 'another' }).to(
      threadsBackupSink({ path }) as never,
    );
    await assert.rejects(
      again.run({ newRun: true }),
      (error) => error instanceof EtlError && error.code === 'ETL_SINK_EXISTS',
    );
    await pipeline(arraySource(whole.slice(0, 1), { batchSize: 3 }), { name: 'another' })
      .to(threadsBackupSink({ path, ifExists: 'replace' }) as never)
      .run({ newRun: true });
    assert.equal((await readBack(path)).length, 1);
  });
});

describe('a bundle that is not as it was made', () => {
  testIn('is refused before anything is read, unless that is asked for', async (directory) => {
    const path = join(directory, 'bundle');
    const file = join(path, 'threads.jsonl');
    const refused = async (reason: RegExp): Promise<void> => {
      await assert.rejects(readBack(path), (error) => {
        assert.ok(error instanceof EtlError);
        assert.equal(error.code, 'ETL_SOURCE_INVALID');
        return reason.test(error.message);
      });
      assert.equal((await readAll(threadsBackupSource({ path, requireComplete: false }))).report.status, 'finished');
      assert.equal((await readAll(threadsBackupSource({ path: file }))).report.status, 'finished');
    };
    await write(path);
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, lines.slice(1).join('\n'));
    await refused(/threads\.jsonl has \d+ bytes, and the manifest says \d+/);
    await writeFile(file, lines.join('\n'));
    assert.equal((await readBack(path)).length, 7);
    const manifest = join(path, 'MANIFEST.json');
    const text = await readFile(manifest, 'utf8');
    for (const [broken, reason] of [
      ['{', /not JSON/],
      ['{"schema":"other"}', /expected schema "threadmill\/langgraph-bundle@1", received "other"/],
      [text.replace('threads.jsonl', '../threads.jsonl'), /files\.0\.name/],
    ] as const) {
      await writeFile(manifest, broken);
      await refused(reason);
    }
    await rm(manifest);
    await refused(/was not completed/);
  });

  testIn('written anew in the other form, it has one file of threads', async (directory) => {
    const path = join(directory, 'bundle');
    await write(path, { compress: 'gzip' });
    await write(path, { ifExists: 'replace' });
    assert.deepEqual((await readdir(path)).sort(), ['MANIFEST.json', 'index.jsonl', 'threads.jsonl']);
    assert.deepEqual(await readBack(path), records);
  });
});

describe('a threads_backup.json', () => {
  testIn('holds whole threads as the existing tool reads them, and gives them back', async (directory) => {
    const path = join(directory, 'threads_backup.json');
    const report = await write(path, { format: 'json', source: 'http://there' });
    assert.equal(report.counts.merged, 1);
    const found = JSON.parse(await readFile(path, 'utf8')) as {
      readonly threads: readonly {
        readonly thread_id: string;
        readonly history: readonly { readonly metadata: { readonly step: number } }[];
      }[];
      readonly total_threads: number;
      readonly total_checkpoints: number;
      readonly source: string;
    };
    assert.deepEqual([found.total_threads, found.total_checkpoints], [6, 15]);
    assert.equal(found.source, 'http://there');
    assert.deepEqual(
      found.threads[4]?.history.map(({ metadata }) => metadata.step),
      [2, 1, 0, -1],
    );
    assert.deepEqual(await readBack(path), [
      ...whole.slice(0, 4),
      joinThreadParts(inParts(whole[4] as ThreadRecord)),
      ...whole.slice(5),
    ]);
  });

  testIn('of another tool is read, with members in any order, and what is no thread rejected', async (directory) => {
    const path = join(directory, 'old.json');
    const { row, history } = stubThread(1);
    const theirs = {
      thread_id: row.thread_id,
      metadata: {},
      values: {},
      history: [...history].reverse(),
      created_at: null,
    };
    await writeFile(
      path,
      JSON.stringify({ source: 'x', total_threads: 2, threads: [theirs, { no: 'thread' }] }, null, 2),
    );
    const { batches, report } = await readAll(threadsBackupSource({ path }), {
      policy: { to: join(directory, 'r.jsonl') },
    });
    assert.deepEqual(asThreadRecord(JSON.parse(recordsOf(batches)[0] ?? '')).history, history);
    assert.equal(report.counts.rejected, 1);
    await writeFile(path, JSON.stringify([theirs]));
    assert.equal(recordsOf((await readAll(threadsBackupSource({ path, at: '' }))).batches).length, 1);
  });
});

testIn('numbers stay as they were written from form to form', async (directory) => {
  const numbers = '{"n":[1152921504606846977,3.0,-0.0,0.1]}';
  const { row, history } = stubThread(1);
  const line = JSON.stringify({
    schema: THREAD_SCHEMA,
    thread_id: row.thread_id,
    thread: row,
    origin: { runtime: 'python' },
    history,
  })
    .replaceAll('"content":', `"additional_kwargs":${numbers},$&`)
    .replace('"metadata":{', `"metadata":{"odd":${numbers},`);
  const [lines, json, again] = ['a.jsonl', 'b.json', 'c'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(lines, `${line}\n`);
  const convert = (from: string, sink: ThreadsBackupSinkOptions) =>
    pipeline(threadsBackupSource({ path: from }), { name: 'convert' })
      .to(threadsBackupSink(sink))
      .run();
  await convert(lines, { path: json, format: 'json' });
  assert.ok((await readFile(json, 'utf8')).split(numbers).length > 3);
  await convert(json, { path: again });
  assert.equal(
    (await readFile(join(again, 'threads.jsonl'), 'utf8')).split(numbers).length,
    line.split(numbers).length,
  );
});

testIn('a backup that holds less than it says is warned of', async (directory) => {
  const path = join(directory, 'short.json');
  const threads = [0, 1, 2].map((number) => {
    const { row, history } = stubThread(number);
    return { thread_id: row.thread_id, history };
  });
  const cases: readonly (readonly [name: string, before: object, after: object, warnings: number])[] = [
    ['nothing said', {}, {}, 0],
    ['the truth before', { total_threads: 3, total_checkpoints: 9 }, {}, 0],
    ['the truth after', {}, { total_threads: 3, errors: [] }, 0],
    ['too many before', { total_threads: 10 }, { export_date: 'x' }, 1],
    ['too many after', {}, { total_threads: 10, total_checkpoints: 30 }, 2],
  ];
  for (const [name, before, after, warnings] of cases) {
    for (const text of [
      JSON.stringify({ ...before, threads, ...after }),
      JSON.stringify({ ...before, threads, ...after }, null, 2),
    ]) {
      await writeFile(path, text);
      const { report } = await readAll(threadsBackupSource({ path }));
      assert.equal(report.warnings.length, warnings, name);
      if (warnings > 0) assert.equal(report.findings['not in the backup: threads that it says it has'], 7);
    }
  }
});

testIn('a thread whose parts do not all come is rejected from a backup, wherever it is', async (directory) => {
  const inThree = (number: number): ThreadRecord[] =>
    [0, 1, 2].map((index) => ({
      ...thread(number, 6),
      history: thread(number, 6).history.slice(2 * index, 2 * index + 2),
      part: { number: index + 1, isLast: index === 2 },
    }));
  const [one, two] = [inThree(7), inThree(8)];
  const cases: readonly (readonly [string, readonly unknown[], written: readonly number[], reasons: RegExp[]])[] = [
    ['cut at its end', [thread(1), ...one.slice(0, 2)], [1], [/last part .* missing/]],
    ['cut, and others behind', [...one.slice(0, 2), thread(1), thread(2)], [1, 2], [/last part .* missing/]],
    ['cut, and one in parts behind', [...one.slice(0, 1), ...two], [8], [/last part .* missing/]],
    ['without its beginning', [one[1], one[2], thread(1)], [1], [/part 2 .* without/, /part 3 .* without/]],
    ['without its middle', [one[0], one[2], thread(1)], [1], [/part 3 .* without/, /last part .* missing/]],
    ['part of another between', [one[0], two[1], one[1], one[2]], [7], [/part 2 .* without/]],
  ];
  for (const [name, given, written, reasons] of cases) {
    const path = join(directory, `${name}.json`);
    const to = `${path}.rejects`;
    const report = await pipeline(arraySource(given, { batchSize: 2 }), { name, onReject: { to } })
      .to(threadsBackupSink({ path, format: 'json' }) as never)
      .run({ newRun: true });
    assert.deepEqual([report.counts.written, report.counts.rejected], [written.length, reasons.length], name);
    assert.deepEqual(
      (await readBack(path)).map(({ thread_id: id }) => id),
      written.map((number) => thread(number).thread_id),
      name,
    );
    const said = (await readFile(to, 'utf8')).trimEnd().split('\n');
    for (const [index, reason] of reasons.entries()) assert.match(said[index] ?? '', reason, name);
  }
});

testIn('what is no thread is rejected by both forms', async (directory) => {
  for (const format of ['bundle', 'json'] as const) {
    const report = await pipeline(arraySource([whole[1], { schema: 'other' }, 7], { batchSize: 3 }), {
      name: 'bad',
      onReject: { to: join(directory, `${format}.rejects`) },
    })
      .to(threadsBackupSink({ path: join(directory, format), format }) as never)
      .run();
    assert.deepEqual([report.counts.written, report.counts.rejected], [1, 2]);
  }
});

testSource(
  async (directory) => {
    const path = join(directory, 'threads_backup.json');
    await writeFile(path, JSON.stringify({ threads: whole.map(({ thread_id, history }) => ({ thread_id, history })) }));
    return threadsBackupSource({ path, batchSize: 2 });
  },
  { name: 'threads-backup', records: 6 },
);
