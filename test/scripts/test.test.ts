import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

const runner = resolve('scripts/test.ts');
const loader = import.meta.resolve('tsx');
const passing = "import { test } from 'node:test';\ntest('works', () => undefined);\n";

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etl-runner-'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});
after(() => rm(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number;
  readonly output: string;
}

/** Runs the test runner on a folder with these files. */
async function runnerOn(name: string, files: Readonly<Record<string, string>>): Promise<Result> {
  const root = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await mkdir(root, { recursive: true });
  return new Promise((done) => {
    execFile(process.execPath, ['--import', loader, runner, root], (error, stdout, stderr) => {
      done({ code: error === null ? 0 : 1, output: stdout + stderr });
    });
  });
}

const cases = [
  {
    name: 'passes when all tests pass, in folders too',
    files: { 'a.test.ts': passing, 'deep/er/b.test.ts': passing, 'c.ts': 'throw new Error("not a test")' },
    code: 0,
    says: ['# tests 2', '# pass 2', '# fail 0', 'b.test.ts  1 tests'],
  },
  { name: 'fails on a folder without test files', files: { 'helper.ts': '' }, code: 1, says: ['no *.test.ts in'] },
  {
    name: 'fails on a file without tests',
    files: { 'a.test.ts': passing, 'b.test.ts': 'export {};\n' },
    code: 1,
    says: ['the file has no tests', 'FAILED\n'],
  },
  {
    name: 'fails on a failing test and shows its error and the output of its file',
    files: {
      'a.test.ts': `${passing}console.log('trace');\ntest('breaks', () => { throw new Error('the reason'); });\n`,
    },
    code: 1,
    says: ['✖ breaks (', 'the reason', 'trace', '# pass 1', '# fail 1'],
  },
  {
    name: 'fails on a failing test in a suite, and names it once',
    files: {
      'a.test.ts':
        "import { describe, it } from 'node:test';\ndescribe('s', () => { it('inner', () => { throw new Error('why'); }); });\n",
    },
    code: 1,
    says: ['✖ inner (', 'FAILED\n', '1 tests, 1 failed'],
  },
  {
    name: 'fails on a file that cannot be loaded',
    files: { 'a.test.ts': passing, 'b.test.ts': "import './gone.ts';\n" },
    code: 1,
    says: ['gone.ts'],
  },
  {
    name: 'fails on a file that ends with an error after its tests',
    files: { 'a.test.ts': `${passing}setTimeout(() => { throw new Error('late'); }, 1);\n` },
    code: 1,
    says: ['late'],
  },
  {
    name: 'counts tests that another module defines, as the contract suites do',
    files: {
      'suite.ts': "import { test } from 'node:test';\nexport const suite = () => test('shared', () => undefined);\n",
      'a.test.ts': "import { suite } from './suite.ts';\nsuite();\n",
      'b.test.ts': "import { suite } from './suite.ts';\nsuite();\n",
    },
    code: 0,
    says: ['a.test.ts  1 tests', 'b.test.ts  1 tests', '# tests 2', '# pass 2'],
  },
  {
    name: 'sees the tests of a file that ends its process when it is done',
    files: { 'a.test.ts': `${passing}process.on('beforeExit', () => process.exit());\n` },
    code: 0,
    says: ['a.test.ts  1 tests'],
  },
  {
    name: 'names what was skipped and why, and the servers used',
    files: {
      'a.test.ts': `${passing}import { appendFileSync } from 'node:fs';
appendFileSync(process.env['ETL_TEST_NOTES'] ?? '', 'server: wire server 1\\n');
test('needs it', { skip: 'set MONGODB_URI' }, () => undefined);\n`,
    },
    code: 0,
    says: ['server: wire server 1\n', 'skipped: needs it (', ': set MONGODB_URI', '# skipped 1'],
  },
];

test('the test runner', { concurrency: 2 }, async (t) => {
  await Promise.all(
    cases.map(({ name, files, code, says }, index) =>
      t.test(name, async () => {
        const result = await runnerOn(`case-${index}`, files);
        assert.equal(result.code, code, result.output);
        for (const text of says) assert.ok(result.output.includes(text), `${text} is missing in:\n${result.output}`);
      }),
    ),
  );
});
