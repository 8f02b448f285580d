// Runs the tests: `npm test`, or `npm test -- test/sources test/batch.test.ts` for some of them.
//
// The files are found here and run one by one, each in a process of its own: a quoted glob or a folder after `node --test`
// runs nothing on Node 20, and passes. A run without tests, a file without tests and a path without files are failures.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { type FileRun, type TestEvent, TestSummary } from './test-summary.ts';

// The longest file starts real servers and kills them; one that takes longer than this hangs.
const timeoutMs = 10 * 60_000;

const asked = process.argv.slice(2);
const files = (asked.length === 0 ? ['test'] : asked).flatMap(testFiles);
const folder = mkdtempSync(join(tmpdir(), 'etl-tests-'));
// Helpers write here, a line each, which servers they used (`server: …`) and what they left out (`skipped: …`).
const notes = join(folder, 'notes.txt');
const reporter = new URL('./test-events.js', import.meta.url).href;
const loader = import.meta.resolve('tsx');
const seed = new URL('./test-seed.js', import.meta.url).href;

try {
  const summary = new TestSummary();
  const waiting = files.entries();
  const work = async (): Promise<void> => {
    for (const [index, file] of waiting) summary.take(await runFile(file, join(folder, `${index}.jsonl`)));
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  process.exitCode = summary.finish(linesOf(notes)) ? 0 : 1;
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

function runFile(file: string, events: string): Promise<FileRun> {
  const reporting = ['--test', '--test-reporter', reporter, '--test-reporter-destination', events];
  const started = performance.now();
  return new Promise((done, fail) => {
    let output = '';
    const child = spawn(process.execPath, ['--import', loader, '--import', seed, ...reporting, file], {
      // Without the context: a file started by this runner reports to this runner, whoever started that.
      env: { ...process.env, ETL_TEST_NOTES: notes, NODE_TEST_CONTEXT: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', fail);
    child.once('close', (code, signal) => {
      const seconds = (performance.now() - started) / 1000;
      const happened = linesOf(events).map((line) => JSON.parse(line) as TestEvent);
      done({ file, events: happened, output, seconds, ended: signal ?? code ?? 1 });
    });
  });
}

function linesOf(path: string): string[] {
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}
