// Everything that must hold before a change is pushed: `npm run check`, or `npm run check -- lint types` for some of it.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Step {
  readonly name: string;
  readonly promise: string;
  readonly command: readonly string[];
}

interface Outcome extends Step {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

const tsx = ['node', '--import', 'tsx'];
const steps: readonly Step[] = [
  {
    name: 'lint',
    promise: 'no floating promises, no any, no dead branches',
    command: ['eslint', '.', '--max-warnings', '0'],
  },
  {
    name: 'types',
    promise: 'everything compiles, and what must not compile does not (test/types)',
    command: ['tsc', '-p', 'tsconfig.json'],
  },
  { name: 'format', promise: 'formatted as `npm run format` does it', command: ['biome', 'format', '.'] },
  {
    name: 'package',
    promise: 'the tarball resolves, has its types and all it needs',
    command: [...tsx, 'scripts/check-package.ts'],
  },
  { name: 'unused', promise: 'no unused files, exports or dependencies', command: ['knip'] },
  { name: 'docs', promise: 'generated pages are up to date', command: ['npm', 'run', '--silent', 'docs:check'] },
  {
    name: 'architecture',
    promise: 'imports go in one direction only',
    command: [...tsx, 'scripts/test.ts', 'test/architecture.test.ts'],
  },
  {
    name: 'leaks',
    promise: 'no machine path, private host or lockfile address is committed',
    command: [...tsx, 'scripts/check-leaks.ts'],
  },
];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0)
  throw new Error(`no such step: ${unknown.join(', ')}; there are ${steps.map(({ name }) => name).join(', ')}`);

const chosen = steps.filter(({ name }) => asked.length === 0 || asked.includes(name));
const outcomes: Outcome[] = [];
const waiting = chosen.values();
// Two at a time: more would only get in each other's way on a small machine.
await Promise.all([work(), work()]);

const failed = outcomes.filter(({ code }) => code !== 0);
for (const { name, output, command } of failed) console.log(`\n--- ${name}: ${command.join(' ')}\n${output.trimEnd()}`);
console.log(
  failed.length === 0
    ? `\nall ${outcomes.length} checks passed`
    : `\nfailed: ${failed.map(({ name }) => name).join(', ')}`,
);
process.exitCode = failed.length === 0 && outcomes.length === chosen.length ? 0 : 1;

async function work(): Promise<void> {
  for (const step of waiting) {
    const outcome = await perform(step);
    outcomes.push(outcome);
    console.log(
      `${outcome.code === 0 ? '✔' : '✖'} ${step.name.padEnd(13)} ${step.promise} (${outcome.seconds.toFixed(1)} s)`,
    );
  }
}

function perform(step: Step): Promise<Outcome> {
  const [program = '', ...args] = step.command;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ ...step, code: code ?? 1, output, seconds: (performance.now() - started) / 1000 }),
    );
  });
}
