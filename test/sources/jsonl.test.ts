import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import type { Json } from '../../src/json.ts';
import { jsonlSource, type JsonlSourceOptions } from '../../src/sources/jsonl.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { failureOf, linesOf, makeFile, someRecords } from '../files/make-files.ts';

const records = someRecords(200);
const damagedLines = linesOf(records).split('\n');
damagedLines[6] = '{"id": 6, "text": }';
damagedLines[80] = '{"a": "\u0000"}';
damagedLines[120] = '';
damagedLines[150] = 'not json';
const damaged = damagedLines.join('\n');
const small = { batchSize: 30, batchBytes: 4000 };

const large = async (directory: string) =>
  jsonlSource({ path: await makeFile(directory, 'in', linesOf(someRecords(50_000))), ...small });

for (const [kind, compress] of [
  ['plain', (text: string) => Buffer.from(text)],
  ['gzip', (text: string) => gzipSync(text)],
  ['gzip of many members', (text: string) => Buffer.concat(text.split(/(?<=\n)/).map((line) => gzipSync(line)))],
  ['zstd', (text: string) => execFileSync('zstd', ['-q', '-c'], { input: text })],
] as const) {
  testSource(
    async (directory) => jsonlSource({ path: await makeFile(directory, 'in', compress(linesOf(records))), ...small }),
    {
      name: `jsonl, ${kind}`,
      records: records.length,
      damaged: {
        make: async (directory) => jsonlSource({ path: await makeFile(directory, 'in', compress(damaged)), ...small }),
        records: 196,
        rejected: 3,
        before: 6,
      },
      ...(kind === 'plain' ? { readAhead: { make: large, maxBytes: 1_500_000 } } : {}),
    },
  );
}

testSource(
  async (directory) => {
    for (const part of [0, 1, 2])
      await makeFile(directory, `b/${part}.jsonl`, linesOf(records.slice(part * 50, part * 50 + 50)));
    await makeFile(directory, 'a.jsonl', linesOf(records.slice(150)).trimEnd());
    return jsonlSource({
      path: [join(directory, 'b', '*.jsonl'), join(directory, 'a.jsonl'), join(directory, 'b', '0.jsonl')],
      ...small,
    });
  },
  { name: 'jsonl, several files', records: records.length },
);

describe('source jsonl', () => {
  const read = async (path: string | string[], options: Partial<JsonlSourceOptions> = {}, from?: Json) => {
    const { batches } = await readAll(jsonlSource({ path, ...options }), { from });
    return recordsOf(batches);
  };

  const tolerated: readonly (readonly [string, string, readonly string[]])[] = [
    ['an empty file', '', []],
    ['a file of blank lines', '\n \r\n\t\n', []],
    ['a byte order mark, Windows line ends and blank lines', '\ufeff1\r\n\r\n 2 \n', ['1', '2']],
    ['a last line without an end', '1\n2', ['1', '2']],
    ['values of every kind', 'null\ntrue\n"x"\n-0\n[]\n{}\n', ['null', 'true', '"x"', '-0', '[]', '{}']],
    ['lone surrogates as escapes', '"\\ud83d"\n', ['"\\ud83d"']],
    ['text exactly as it stands', '{ "a":1.0,"a":1e2 }\n', ['{ "a":1.0,"a":1e2 }']],
  ];
  for (const [what, text, expected] of tolerated) {
    testIn(`reads ${what}`, async (directory) => {
      assert.deepEqual(await read(await makeFile(directory, 'in.jsonl', text)), expected);
    });
  }

  testIn('reads a file that has grown since, from where it was', async (directory) => {
    const path = await makeFile(directory, 'in.jsonl', '1\n2\n');
    const { batches } = await readAll(jsonlSource({ path }));
    await appendFile(path, '3\n4');
    assert.deepEqual(await read(path, {}, batches.at(-1)?.at), ['3', '4']);
  });

  testIn('goes on behind a record that was mended, though the file is another one now', async (directory) => {
    const path = await makeFile(directory, 'in.jsonl', '1\n2\n{bad}\n4\n');
    const given: Json[] = [];
    const source = jsonlSource({ path });
    const recording = {
      ...source,
      async *read(ctx: Parameters<typeof source.read>[0]) {
        for await (const batch of source.read(ctx)) {
          given.push(batch.cursor ?? null);
          yield batch;
        }
      },
    };
    await failureOf(readAll(recording));
    await writeFile(path, '1\n2\n{"good":3}\n4\n');
    assert.deepEqual(await read(path, {}, given.at(-1)), ['{"good":3}', '4']);
  });

  const changes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['is another file', (path) => writeFile(path, linesOf(someRecords(200).reverse()))],
    ['is shorter than what was read', async (path) => writeFile(path, (await readFile(path)).subarray(0, 5000))],
    ['is empty', (path) => writeFile(path, '')],
  ];
  for (const [what, change] of changes) {
    testIn(`refuses to go on when the input ${what}`, async (directory) => {
      const path = await makeFile(directory, 'in.jsonl', linesOf(records));
      const { batches } = await readAll(jsonlSource({ path, ...small }));
      await change(path);
      assert.equal((await failureOf(read(path, small, batches.at(-1)?.at))).code, 'ETL_SOURCE_CHANGED');
    });
  }

  testIn('refuses to go on when a file has come in between', async (directory) => {
    await makeFile(directory, 'b.jsonl', '1\n');
    const path = join(directory, '*.jsonl');
    const { batches } = await readAll(jsonlSource({ path }));
    await makeFile(directory, 'a.jsonl', '0\n');
    assert.equal((await failureOf(read(path, {}, batches.at(-1)?.at))).code, 'ETL_SOURCE_CHANGED');
  });

  testIn('refuses to go on when a compressed file ends before the place it had got to', async (directory) => {
    const path = await makeFile(directory, 'in.gz', gzipSync(linesOf(records)));
    const { batches } = await readAll(jsonlSource({ path, ...small }));
    await writeFile(path, gzipSync(linesOf(records.slice(0, 100))));
    assert.equal((await failureOf(read(path, small, batches.at(-1)?.at))).code, 'ETL_SOURCE_CHANGED');
  });

  testIn('gives every whole line of a compressed file that was cut short, then says so', async (directory) => {
    const whole = gzipSync(linesOf(records), { level: 1 });
    for (let cut = 1; cut < whole.length; cut += 97) {
      const path = await makeFile(directory, 'in.gz', whole.subarray(0, whole.length - cut));
      const given: string[] = [];
      const source = jsonlSource({ path });
      const counting = {
        ...source,
        async *read(ctx: Parameters<typeof source.read>[0]) {
          for await (const batch of source.read(ctx)) {
            given.push(...batch.records.map((record) => JSON.stringify(record)));
            yield batch;
          }
        },
      };
      const error = await failureOf(readAll(counting));
      assert.equal(error.code, 'ETL_SOURCE_TRUNCATED');
      assert.match(error.describe(), /in\.gz/);
      assert.deepEqual(
        given,
        records.slice(0, given.length).map((record) => JSON.stringify(record)),
      );
      if (cut === 1) assert.equal(given.length, records.length);
    }
  });

  testIn('says that compressed data is damaged, and where', async (directory) => {
    const bytes = gzipSync(linesOf(records));
    bytes[bytes.length - 6] = (bytes[bytes.length - 6] ?? 0) ^ 0xff;
    const error = await failureOf(read(await makeFile(directory, 'in.gz', bytes)));
    assert.equal(error.code, 'ETL_SOURCE_INVALID');
    assert.match(error.describe(), /damaged.*byte \d+/s);
  });

  testIn('finds nothing, a folder, and a file without permission', async (directory) => {
    await mkdir(join(directory, 'folder'));
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['missing.jsonl', 'ETL_SOURCE_NOT_FOUND', /missing\.jsonl does not exist/],
      ['*.nothing', 'ETL_SOURCE_NOT_FOUND', /no file matches .*\*\.nothing/],
      ['folder', 'ETL_SOURCE_INVALID', /folder is a directory[\s\S]*folder\/\*/],
    ];
    for (const [name, code, message] of cases) {
      const error = await failureOf(read(join(directory, name)));
      assert.equal(error.code, code);
      assert.match(error.describe(), message);
    }
    const both = await failureOf(read(['-', join(directory, 'folder')]));
    assert.equal(both.code, 'ETL_SOURCE_INVALID');
  });

  testIn('takes a path that exists as it is, though it looks like a pattern', async (directory) => {
    assert.deepEqual(await read(await makeFile(directory, 'a[1]*.jsonl', '1\n')), ['1']);
  });

  testIn('sorts what a pattern finds by name, and reads nothing twice', async (directory) => {
    for (const name of ['10', '9', 'Z', 'a', '.b']) await makeFile(directory, `${name}.jsonl`, `"${name}"\n`);
    const found = await read([join(directory, '9.jsonl'), join(directory, '*.jsonl')]);
    assert.deepEqual(found, ['"9"', '".b"', '"10"', '"Z"', '"a"']);
  });

  testIn('says where each record and each mistake is', async (directory) => {
    const path = await makeFile(directory, 'in.jsonl', '1\n\n{"id": 6, "text": }\n4\n');
    const to = join(directory, 'rejects.jsonl');
    await readAll(jsonlSource({ path }), { policy: { to } });
    const reject = JSON.parse(await readFile(to, 'utf8')) as Record<string, unknown>;
    assert.equal(reject['at'], `${path}:3, byte 3`);
    assert.match(String(reject['reason']), /column 19/);
    assert.equal(reject['record'], '{"id": 6, "text": }');
  });

  testIn('rejects a line longer than allowed, and goes on', async (directory) => {
    const path = await makeFile(directory, 'in.jsonl', `1\n"${'x'.repeat(5000)}"\n3\n`);
    const to = join(directory, 'rejects.jsonl');
    const { batches } = await readAll(jsonlSource({ path, maxLineBytes: 1000 }), { policy: { to } });
    assert.deepEqual(recordsOf(batches), ['1', '3']);
    assert.equal((JSON.parse(await readFile(to, 'utf8')) as Record<string, unknown>)['code'], 'ETL_RECORD_TOO_LARGE');
  });

  testIn('knows how much there is to read', async (directory) => {
    const plain = await makeFile(directory, 'a.jsonl', linesOf(records));
    const { length } = Buffer.from(linesOf(records));
    const signal = new AbortController().signal;
    assert.deepEqual(await jsonlSource({ path: plain }).estimate?.(signal), {
      bytes: length,
      isQuick: true,
      plan: `${plain} (${length} bytes)`,
    });
    const compressed = await makeFile(directory, 'b.gz', gzipSync('1\n'));
    const estimate = await jsonlSource({ path: [plain, compressed] }).estimate?.(signal);
    assert.equal(estimate?.bytes, undefined);
    assert.match(estimate?.plan ?? '', /2 files .*1 compressed/);
    assert.match((await jsonlSource({ path: plain }).check?.(signal)) ?? '', /^can read /);
    await assert.rejects(jsonlSource({ path: join(directory, 'none') }).check?.(signal) ?? Promise.resolve());
  });

  for (const [what, input] of [
    ['plain', Buffer.from('1\n2\n')],
    ['gzip', gzipSync('1\n2\n')],
  ] as const) {
    test(`reads the standard input, ${what}`, async () => {
      const fixture = fileURLToPath(new URL('fixtures/from-stdin.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import', 'tsx', fixture], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.end(input);
      const [output] = await Promise.all([buffer(child.stdout), once(child, 'close')]);
      assert.equal(output.toString(), '1\n2\n');
    });
  }

  testIn('reads a pipe by its name', async (directory) => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    // Nobody writes yet: opened for its size, the pipe would be waited for, and closed under whoever writes then.
    const estimate = await jsonlSource({ path }).estimate?.(new AbortController().signal);
    assert.equal(estimate?.plan, `${path} (0 bytes, 1 pipe)`);
    const [found] = await Promise.all([read(path), writeFile(path, gzipSync('1\n2'))]);
    assert.deepEqual(found, ['1', '2']);
  });
});
