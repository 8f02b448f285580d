import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const fixture = fileURLToPath(new URL('fixtures/broken-connectors.ts', import.meta.url));

/** A connector of the fixture, and the tests of the contract that must fail with it. */
const cases: readonly (readonly [string, readonly string[]])[] = [
  ['source: good', []],
  ['source: starts over', ['goes on from every cursor with the rest, cut into the same batches']],
  ['source: skips a record', ['goes on from every cursor with the rest, cut into the same batches']],
  [
    'source: leaks',
    [
      'closes what it opened when it is read to its end',
      'closes what it opened when its reader stops early',
      'closes what it opened when the run is aborted',
      'stops in order when it is asked to',
      'closes what it opened when a neighbour fails',
    ],
  ],
  [
    'source: is never the same',
    [
      'gives the same batches each time it is read',
      'goes on from every cursor with the rest, cut into the same batches',
    ],
  ],
  ['source: writes over its batches', ['writes over the memory of a batch only when that was given back']],
  ['sink: good', []],
  ['sink: commits too early', ['writes every record once, in order']],
  ['sink: loses a batch', ['writes every record once, in order']],
];

describe('the contract', { concurrency: 2 }, () => {
  for (const [connector, expected] of cases) {
    test(`${expected.length === 0 ? 'passes' : 'finds out'} ${connector}`, async () => {
      const failed = await failedTests(connector);
      if (expected.length === 0) assert.deepEqual(failed, []);
      for (const name of expected) assert.ok(failed.includes(name), `"${name}" passed; failed: ${failed.join('; ')}`);
    });
  }
});

/** Runs the contract over a connector in a process of its own. */
async function failedTests(connector: string): Promise<readonly string[]> {
  // Without this variable the process would take itself for one of this test run and report in another form.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--import', 'tsx', '--test-reporter', 'tap', fixture];
  const run = promisify(execFile)(process.execPath, args, { env: { ...env, BROKEN_CONNECTOR: connector } });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  assert.match(stdout, /^# tests [1-9]/m);
  return [...stdout.matchAll(/^ {4}not ok \d+ - (.*)$/gm)].map(([, name = '']) => name);
}
