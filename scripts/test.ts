// Runs the tests: `npm test`, or `npm test -- test/sources test/batch.test.ts` for some of them.
//
// The files are found here and given to node:test one by one: a quoted glob or a folder after `node --test` runs nothing on
// Node 20, and passes. A run without tests, a file without tests and a path without files are failures.
import { readFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from 'node:test';

import { TestSummary, type TestEvent } from './test-summary.ts';

// The longest file starts real servers and kills them; one that takes longer than this hangs.
const timeoutMs = 15 * 60_000;

const asked = process.argv.slice(2);
const files = (asked.length === 0 ? ['test'] : asked).flatMap(testFiles);
const folder = mkdtempSync(join(tmpdir(), 'etl-tests-'));
// Helpers write here, a line each, which servers they used (`server: …`) and what they left out (`skipped: …`).
const notes = join(folder, 'notes.txt');
process.env['ETL_TEST_NOTES'] ??= notes;

try {
  const summary = new TestSummary(files);
  const events = run({ files, concurrency: Math.max(2, availableParallelism()), timeout: timeoutMs });
  for await (const event of events) summary.take(event as TestEvent);
  process.exitCode = summary.finish(readNotes(process.env['ETL_TEST_NOTES'])) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function testFiles(path: string): string[] {
  const found = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts'))
        .sort()
        .map((name) => resolve(path, name))
    : [resolve(path)];
  if (found.length === 0) throw new Error(`no *.test.ts in ${path}`);
  return found;
}

function readNotes(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
