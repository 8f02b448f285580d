import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const readme = await readFile(join(root, 'README.md'), 'utf8');

function block(language: string): string {
  return (
    new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(readme)?.[1] ??
    assert.fail(`no ${language} in the README`)
  );
}

async function workplace(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'readme-'));
  t.after(() => rm(directory, { recursive: true }));
  await symlink(join(root, 'samples'), join(directory, 'samples'));
  return directory;
}

const conversationsIn = async (file: string): Promise<unknown[]> =>
  (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

const node = (directory: string, ...args: readonly string[]) =>
  run(process.execPath, ['--import', import.meta.resolve('tsx'), ...args], { cwd: directory });

test("the README's pipeline runs as it stands there", async (t) => {
  const directory = await workplace(t);
  await writeFile(join(directory, 'pipeline.yaml'), block('yaml'));
  await node(directory, join(root, 'src/cli/main.ts'), 'run', 'pipeline.yaml');
  assert.equal((await conversationsIn(join(directory, 'out/librechat.jsonl'))).length, 54);
});

test("the README's TypeScript runs as it stands there", async (t) => {
  const directory = await workplace(t);
  const code = block('ts');
  const names = [...new Set(code.match(/\b[a-z]\w*(?=\()/g) ?? [])].filter(
    (name) => !['through', 'to', 'run'].includes(name),
  );
  const library = new URL('../../src/index.ts', import.meta.url).href;
  await writeFile(join(directory, 'pipeline.mts'), `import { ${names.join(', ')} } from '${library}';\n${code}`);
  await node(directory, 'pipeline.mts');
  assert.equal((await conversationsIn(join(directory, 'out/examples/librechat.jsonl'))).length, 54);
});

test('every link of the README leads somewhere', async () => {
  for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
    await assert.doesNotReject(stat(join(root, target)), target);
  }
});

test('the pipelines and commands the README names exist', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const [, name = ''] of readme.matchAll(/npm run (\w+)/g)) assert.ok(name in scripts, name);
  for (const [path] of readme.matchAll(/pipelines\/[\w-]+\.yaml/g)) await stat(join(root, path));
});
