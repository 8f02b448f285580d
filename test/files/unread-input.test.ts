import assert from 'node:assert/strict';
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gzipSync } from 'node:zlib';

import { BSON } from 'bson';

import { pipeline } from '../../src/index.ts';
import type { RunReport } from '../../src/report.ts';
import { jsonlSink } from '../../src/sinks/jsonl.ts';
import { bsonDumpSource } from '../../src/sources/bson-dump.ts';
import { extendedJsonSource } from '../../src/sources/extended-json.ts';
import { jsonArraySource } from '../../src/sources/json-array.ts';
import { jsonlSource } from '../../src/sources/jsonl.ts';
import type { Source, Transform } from '../../src/stage.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { groupBy } from '../../src/transforms/group-by.ts';
import { limit } from '../../src/transforms/limit.ts';
import { makeFile } from './make-files.ts';

const lines = '{"id":1}\n{"id":2}\n';
const document = (id: number): Uint8Array => BSON.serialize({ id });

interface Case {
  readonly what: string;
  readonly name?: string;
  readonly content: string | Uint8Array;
  readonly source?: (path: string) => Source<unknown>;
  readonly transform?: Transform<unknown, unknown>;
  /** What happens between the run and its repetition. */
  readonly change: (path: string, directory: string) => Promise<unknown>;
  /** What the repetition says; nothing when there is nothing to say. */
  readonly says: RegExp | undefined;
}

const cases: readonly Case[] = [
  { what: 'the same file', content: lines, change: async () => undefined, says: undefined },
  {
    what: 'lines added',
    content: lines,
    change: (path) => appendFile(path, '{"id":3}\n'),
    says: /a\.jsonl has grown: it has 27 bytes, and 18 of them are read/,
  },
  {
    what: 'a line added to one without an end',
    content: lines.trimEnd(),
    change: (path) => appendFile(path, '\n{"id":3}'),
    says: /has grown: it has 26 bytes, and 17 of them/,
  },
  { what: 'something added that is no JSON', content: lines, change: (path) => appendFile(path, '?'), says: /grown/ },
  { what: 'blank lines added', content: lines, change: (path) => appendFile(path, ' \n\n'), says: undefined },
  { what: 'blank lines at the end', content: `${lines}\n \n`, change: async () => undefined, says: undefined },
  { what: 'lines added to an empty file', content: '', change: (path) => appendFile(path, lines), says: undefined },
  {
    what: 'another file in its place',
    content: lines,
    change: (path) => writeFile(path, lines.replace('1', '7')),
    says: /a\.jsonl is not the file this run has read from: it begins differently/,
  },
  {
    what: 'a shorter file in its place',
    content: lines,
    change: (path) => writeFile(path, '{"id":1}\n'),
    says: /a\.jsonl is not the file this run has read from/,
  },
  { what: 'a file that is gone', content: lines, change: (path) => rm(path), says: undefined },
  {
    what: 'a file that has come, in order',
    content: lines,
    change: (_, directory) => makeFile(directory, 'b.jsonl', lines),
    says: /b\.jsonl has come since, and is not read/,
  },
  {
    what: 'an empty file that has come',
    content: lines,
    change: (_, directory) => makeFile(directory, 'b.jsonl', '\n'),
    says: undefined,
  },
  {
    what: 'a file that has come before',
    content: lines,
    change: (_, directory) => makeFile(directory, '1.jsonl', lines),
    says: /the run had got to .*a\.jsonl, file 1, but that is .*1\.jsonl now/,
  },
  {
    what: 'a file of another name',
    content: lines,
    change: (path, directory) => rename(path, join(directory, 'z.jsonl')),
    says: /the run had got to .*a\.jsonl, file 1, but that is .*z\.jsonl now/,
  },
  {
    what: 'compressed lines, the same',
    content: gzipSync(lines),
    change: async (path) => appendFile(path, gzipSync(lines)),
    says: undefined,
  },
  {
    what: 'compressed lines, others',
    content: gzipSync(lines),
    change: (path) => writeFile(path, gzipSync(lines.replace('1', '7'))),
    says: /begins differently/,
  },
  {
    what: 'lines added, where a stage holds records to the end',
    content: lines,
    transform: groupBy({ key: 'id' }),
    change: (path) => appendFile(path, '{"id":3}\n'),
    says: /has grown: it has 27 bytes, and 18 of them/,
  },
  {
    what: 'the same lines, where a stage holds records to the end',
    content: lines,
    transform: groupBy({ key: 'id' }),
    change: async () => undefined,
    says: undefined,
  },
  {
    what: 'lines that nobody wanted',
    content: lines,
    transform: limit({ records: 1 }),
    change: (path) => appendFile(path, lines),
    says: undefined,
  },
  {
    what: 'an array with more elements',
    name: 'a.json',
    content: '[1, 2]',
    source: (path) => jsonArraySource({ path }),
    change: (path) => writeFile(path, '[1, 2, 3]'),
    says: /has grown: it has 9 bytes/,
  },
  {
    what: 'the same array',
    name: 'a.json',
    content: '[1, 2]\n',
    source: (path) => jsonArraySource({ path }),
    change: async () => undefined,
    says: undefined,
  },
  {
    what: 'Extended JSON with more documents',
    name: 'a.json',
    content: lines,
    source: (path) => extendedJsonSource({ path }),
    change: (path) => appendFile(path, '{"id":3}\n'),
    says: /has grown/,
  },
  {
    what: 'a dump with more documents',
    name: 'a.bson',
    content: document(1),
    source: (path) => bsonDumpSource({ path }),
    change: (path) => appendFile(path, document(2)),
    says: /a\.bson has grown/,
  },
  {
    what: 'a dump that is gone',
    name: 'a.bson',
    content: document(1),
    source: (path) => bsonDumpSource({ path }),
    change: (path) => rm(path),
    says: undefined,
  },
];

describe('a finished run looks at what has become of its input', () => {
  for (const { what, name = 'a.jsonl', content, source, transform, change, says } of cases) {
    testIn(what, async (directory) => {
      const path = await makeFile(directory, name, content);
      const target = join(directory, 'out');
      const run = (): Promise<RunReport> => {
        const read = pipeline(source?.(path) ?? jsonlSource({ path: join(directory, '*.jsonl') }), { name: 'copy' });
        return (transform === undefined ? read : read.through(transform)).to(jsonlSink({ path: target })).run();
      };
      await run();
      const written = await readFile(target);
      await change(path, directory);
      if (content.length === 0) {
        // Nothing was read, so that there is nothing to go on from either: the run begins anew.
        assert.equal((await run()).status, 'finished');
        return;
      }
      const report = await run();
      assert.equal(report.status, 'unchanged');
      assert.deepEqual(await readFile(target), written);
      if (says === undefined) assert.deepEqual(report.warnings, []);
      else {
        assert.equal(report.warnings.length, 1);
        assert.match(report.warnings[0]?.message ?? '', says);
        assert.match(
          report.warnings[0]?.message ?? '',
          /; this run was finished before: --new-run reads everything anew$/,
        );
      }
    });
  }
});
