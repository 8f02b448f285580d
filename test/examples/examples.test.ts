import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** What each script prints. A file that only exports stages prints nothing. */
const prints: Readonly<Record<string, RegExp>> = {
  'clean-messages.ts': /^finished: 8 read, 6 written\n$/,
  'folder-sink.ts': /^$/,
  'folder-source.ts': /^$/,
  'librechat-dump.ts': /^finished: 54 conversations\n$/,
  'librechat-export.ts': /^finished: 64 records\n$/,
  'librechat-import.ts': /^users: 6\nfiles: \d+\nmessages: \d+\nconversations: 54\n$/,
  'number-records.ts': /^$/,
  'own-component.ts': /^finished: 2 read\n$/,
  'own-stages.ts': /^finished: 2 written\n$/,
  'plain-streams.ts': /^\{ user: 5, assistant: 3 \}\n$/,
  'shout.ts': /^$/,
};

/** Scripts that need a server: run by a test of their own. */
const runElsewhere: readonly string[] = ['langgraph-migrate.ts', 'onyx-import.ts'];

/** Pipelines that need a server: they are checked here, with these variables, and run by tests of their own. */
const needServers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'jsonl-to-postgres.yaml': {},
  'langgraph-export.yaml': {},
  'langgraph-migrate.yaml': {},
  'librechat-export.yaml': {},
  'onyx-import.yaml': {
    ONYX_DATABASE_URL: 'postgresql://localhost/onyx',
    ONYX_API_BASE: 'http://localhost',
    ONYX_API_KEY: 'key',
  },
  'postgres-to-jsonl.yaml': {},
};

/** A folder to run everything in, with the data: whoever tries one thing after another must not find them in each other's way. */
const cwd = await mkdtemp(join(tmpdir(), 'examples-'));
after(() => rm(cwd, { recursive: true }));
for (const name of ['examples', 'samples', 'pipelines']) await symlink(join(root, name), join(cwd, name));

const tsx = import.meta.resolve('tsx');

test("the README's first command runs", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const command of scripts['sample']?.split(' && ') ?? assert.fail('no sample')) {
    const [node, etl, ...argv] = command.split(' ');
    assert.deepEqual([node, etl], ['node', 'bin/etl.js']);
    await run(process.execPath, ['--import', tsx, join(root, 'src/cli/main.ts'), ...argv], { cwd });
  }
});

test('every TypeScript example runs and prints what it should', async (t) => {
  const files = (await readdir(join(root, 'examples'))).filter(
    (name) => name.endsWith('.ts') && !runElsewhere.includes(name),
  );
  assert.deepEqual(files.sort(), Object.keys(prints).sort(), 'say what each example prints');
  for (const file of files) {
    await t.test(file, async () => {
      const { stdout } = await run(process.execPath, ['--import', tsx, join(root, 'examples', file)], { cwd });
      assert.match(stdout, prints[file] ?? /no such example/);
    });
  }
});

test('every pipeline file checks, passes its own tests, and runs where no server is needed', async (t) => {
  const files = (await readdir(join(root, 'pipelines'))).filter((name) => name.endsWith('.yaml'));
  assert.ok(files.length >= 5);
  for (const file of files) {
    await t.test(file, async () => {
      const path = join(root, 'pipelines', file);
      const env = { PATH: process.env['PATH'], ...needServers[file] };
      const etl = (...argv: string[]) =>
        run(process.execPath, ['--import', tsx, join(root, 'src/cli/main.ts'), ...argv], { cwd, env });
      const text = await readFile(path, 'utf8');
      assert.match(text, /^# yaml-language-server: \$schema=\.\.\/schema\/pipeline\.schema\.json\n# \S/);
      if (/^tests:/m.test(text)) await etl('test', path);
      if (file in needServers) {
        await etl('check', path);
        return;
      }
      const { stdout } = await etl('run', path, '--json');
      const report = JSON.parse(stdout) as { status: string; counts: { read: number; written: number } };
      // The README's first command has run it.
      assert.equal(report.status, file === 'librechat-dump.yaml' ? 'unchanged' : 'finished');
      assert.ok(report.counts.written > 0);
      assert.ok((await stat(join(cwd, 'out'))).isDirectory());
    });
  }
});
