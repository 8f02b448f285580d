import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EventEmitter } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import type { RunReport } from '../../src/report.ts';
import { etl, folderWith, keepUsers, messages } from './helpers.ts';

const users = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.includes('"role":"user"'))
    .map((line) => `${line}\n`)
    .join('');

test('runs a file, says what it did, and the second time does nothing', async (t) => {
  const input = messages(1000);
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': input });
  const file = join(directory, 'p.yaml');
  const first = await etl(['run', file]);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout, '');
  assert.match(first.stderr, /^finished · keep-users · .*\n {2}1,000 read = 500 written \+ 500 filtered\n/);
  assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), users(input));
  const second = await etl(['run', file]);
  assert.equal(second.code, 0);
  assert.match(second.stderr, /nothing to do: this run was finished before/);
});

test('a finished run whose output was removed writes it again, and a plan says so', async (t) => {
  const input = messages(100);
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': input });
  const [file, output] = [join(directory, 'p.yaml'), join(directory, 'out.jsonl')];
  assert.equal((await etl(['run', file])).code, 0);
  assert.match((await etl(['plan', file])).stdout, /does nothing: finished before/);
  await rm(output);
  assert.match((await etl(['plan', file])).stdout, /starts at the beginning/);
  assert.equal((await etl(['check', '--connect', file])).code, 0);
  const again = await etl(['run', file]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /^finished .*\n {2}100 read = 50 written/);
  assert.equal(await readFile(output, 'utf8'), users(input));
  assert.match((await etl(['run', file])).stderr, /nothing to do/);
});

test('a finished run whose input has grown says so, and how it is read', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, ifExists: replace'),
    'in.jsonl': messages(10),
  });
  const file = join(directory, 'p.yaml');
  assert.equal((await etl(['run', file])).code, 0);
  const { size } = await stat(join(directory, 'in.jsonl'));
  await writeFile(join(directory, 'in.jsonl'), messages(12));
  const again = await etl(['run', file]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /nothing to do: this run was finished before/);
  const said = new RegExp(`in\\.jsonl has grown: it has \\d+ bytes, and ${size} of them are read; .*--new-run reads`);
  assert.match(again.stderr, said);
  assert.match((await etl(['plan', file])).stdout, said);
  const { warnings } = JSON.parse((await etl(['run', file, '--json', '--quiet'])).stdout) as RunReport;
  assert.match(warnings[0]?.message ?? '', said);
  assert.equal((await etl(['run', file, '--new-run'])).code, 0);
  assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), users(messages(12)));
  assert.doesNotMatch((await etl(['run', file])).stderr, /warning/);
});

test('--json prints the report, in one shape for success, failure and what never began', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers,
    'in.jsonl': `${messages(4)}{"id":\n`,
    'bad.yaml': 'name: x\n',
  });
  const file = join(directory, 'p.yaml');
  const reports: RunReport[] = [];
  const statuses = [
    [['run', file, '--json'], 1, 'failed', 'ETL_RECORD_REJECTED'],
    [['run', join(directory, 'bad.yaml'), '--json'], 78, 'failed', 'ETL_CONFIG_INVALID'],
    [['run', file, '--json'], 0, 'finished', undefined],
    [['run', file, '--json', '--quiet'], 0, 'unchanged', undefined],
    [['run', file, '--json', '--dry-run', '--new-run'], 0, 'dry-run', undefined],
  ] as const;
  for (const [argv, code, status, error] of statuses) {
    const outcome = await etl(argv);
    assert.equal(outcome.code, code, outcome.stderr);
    const report = JSON.parse(outcome.stdout) as RunReport;
    assert.deepEqual([report.status, report.error?.code], [status, error]);
    reports.push(report);
    await writeFile(join(directory, 'in.jsonl'), messages(4));
  }
  const shapes = new Set(reports.map((report) => Object.keys(report).sort().join()));
  assert.equal(shapes.size, 1);
});

test('an error tells what is safe and the command that goes on', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': `${messages(1000)}oops\n` });
  const file = join(directory, 'p.yaml');
  const { code, stderr } = await etl(['run', file, '--no-progress']);
  assert.equal(code, 1);
  assert.match(stderr, /^ETL_RECORD_REJECTED: .*\n {2}at .*stage "jsonl".*in\.jsonl:1001/);
  assert.match(
    stderr,
    new RegExp(`500 records safe on the other side; go on with:\n {4}etl run ${file} --no-progress\n`),
  );
});

test('rejected records end with 3, until nothing is left of them', async (t) => {
  const lines = messages(10).split('\n');
  lines[6] = '{"broken';
  const directory = await folderWith(t, {
    'p.yaml': `${keepUsers}onReject: { to: DIR/rejects.jsonl }\n`,
    'in.jsonl': lines.join('\n'),
  });
  const file = join(directory, 'p.yaml');
  const { code, stderr } = await etl(['run', file]);
  assert.equal(code, 3);
  assert.match(
    stderr,
    /10 read = 5 written \+ 4 filtered \+ 1 rejected\n[^]*rejected → .*rejects\.jsonl\n {4}1 × jsonl: .*\(ETL_RECORD_INVALID\)/,
  );
  assert.equal((await etl(['run', file])).code, 3);
  await writeFile(join(directory, 'rejects.jsonl'), '');
  assert.equal((await etl(['run', file])).code, 0);
});

test('a sample writes what it read and moves nothing; a dry run writes nothing', async (t) => {
  const input = messages(100);
  const directory = await folderWith(t, {
    'p.yaml': keepUsers,
    'in.jsonl': input,
    'r.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, ifExists: replace'),
  });
  const file = join(directory, 'p.yaml');
  const dry = await etl(['run', file, '--dry-run']);
  assert.match(dry.stderr, /dry run finished: nothing was written[^]*100 read = 50 would be written/);
  await assert.rejects(stat(join(directory, 'out.jsonl')), { code: 'ENOENT' });
  assert.match(
    (await etl(['run', file, '--limit', '10'])).stderr,
    /sample finished[^]*10 read = 5 written \+ 5 filtered/,
  );
  assert.equal((await etl(['run', file])).code, 0);
  assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), users(input));
  const refused = await etl(['run', join(directory, 'r.yaml'), '--limit', '10']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ETL_LIMIT_REFUSED/);
});

test('a changed configuration is refused with the difference, and --new-run starts over', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, ifExists: replace'),
    'in.jsonl': messages(10),
  });
  const file = join(directory, 'p.yaml');
  await etl(['run', file]);
  await writeFile(file, (await readFile(file, 'utf8')).replace('role = "user"', 'role = "bot"'));
  const refused = await etl(['run', file]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ETL_RUN_CHANGED: .*role = \\"user\\".*→.*role = \\"bot\\"/);
  const anew = await etl(['run', file, '--new-run']);
  assert.equal(anew.code, 0, anew.stderr);
  assert.match(await readFile(join(directory, 'out.jsonl'), 'utf8'), /"role":"bot"/);
});

test('a --new-run that is refused forgets nothing: the run before can still go on', async (t) => {
  const input = messages(100);
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': `${input}{"broken` });
  const file = join(directory, 'p.yaml');
  assert.equal((await etl(['run', file])).code, 1);
  const refused = await etl(['run', file, '--new-run']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ETL_SINK_EXISTS/);
  await writeFile(join(directory, 'in.jsonl'), `${input}${messages(20)}`);
  const { code, stderr } = await etl(['run', file]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /attempt 2\n {2}120 read/);
});

test('--events tells what happens, line by line, and ends with the report', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, commitEvery: 5000'),
    'in.jsonl': messages(5000),
    's.yaml': 'source: { type: jsonl, path: DIR/in.jsonl }\nsink: { type: jsonl, path: "-" }\n',
  });
  const { code, stdout } = await etl(['run', join(directory, 'p.yaml'), '--events']);
  assert.equal(code, 0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; at: string; report?: RunReport });
  assert.equal(events[0]?.event, 'start');
  assert.ok(events.some(({ event }) => event === 'commit'));
  assert.equal(events.at(-1)?.report?.status, 'finished');
  for (const { at } of events) assert.equal(new Date(at).toISOString(), at);
  for (const flag of ['--events', '--json']) {
    const refused = await etl(['run', join(directory, 's.yaml'), flag]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /needs the standard output, and so does the sink/);
  }
});

test('the first Ctrl-C ends the run in order, and the same command gives what an unbroken run does', async (t) => {
  const input = messages(20_000);
  const directory = await folderWith(t, {
    'p.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, commitEvery: 20000'),
    'in.jsonl': input,
  });
  const file = join(directory, 'p.yaml');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const signals = new EventEmitter();
    let isSent = false;
    const watch = (text: string): void => {
      if (isSent || !text.includes('"event":"commit"')) return;
      isSent = true;
      signals.emit(signal);
    };
    const { code, stderr, stdout } = await etl(['run', file, '--events'], { signals, watch });
    assert.equal(code, 75, stderr);
    assert.match(stderr, /stopping: what was read is still written/);
    assert.match(stderr, new RegExp(`stopped · keep-users[^]*go on with:\n {4}etl run ${file} --events\n`));
    assert.match(stdout, /"status":"stopped"/);
    assert.equal(signals.listenerCount(signal), 0);
  }
  assert.match((await etl(['plan', file])).stdout, /goes on where it stopped/);
  const last = await etl(['run', file]);
  assert.equal(last.code, 0);
  assert.match(last.stderr, /attempt 3/);
  assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), users(input));
});

test('the second Ctrl-C drops what was read, and the same command still goes on', async (t) => {
  const input = messages(20_000);
  const directory = await folderWith(t, {
    'p.yaml': keepUsers.replace('out.jsonl', 'out.jsonl, commitEvery: 20000'),
    'in.jsonl': input,
  });
  const file = join(directory, 'p.yaml');
  const signals = new EventEmitter();
  const watch = (text: string): void => {
    if (!text.includes('"event":"commit"')) return;
    signals.emit('SIGINT');
    signals.emit('SIGINT');
  };
  const { code, stderr } = await etl(['run', file, '--events'], { signals, watch });
  assert.equal(code, 75, stderr);
  assert.match(stderr, /ETL_ABORTED/);
  assert.equal((await etl(['run', file])).code, 0);
  assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), users(input));
});

test('as a process: records on the standard output alone, and quiet when the reader goes away', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': 'source: { type: jsonl, path: "-" }\nsink: { type: stdout }\n' });
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const command = `node --import tsx ${main}`;
  async function shell(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (texts.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (texts.stderr += data.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...texts };
  }
  const file = join(directory, 'p.yaml');
  const all = await shell(`printf '{"a":1}\\n{"a":2}\\n' | ${command} run ${file}`);
  assert.deepEqual([all.code, all.stdout], [0, '{"a":1}\n{"a":2}\n']);
  assert.match(all.stderr, /2 read = 2 written/);
  const cut = await shell(`set -o pipefail; seq 200000 | ${command} run ${file} --quiet | head -n 1`);
  assert.deepEqual([cut.stdout, cut.stderr], ['1\n', '']);
  const listed = await shell(`${command} list | head -n 1; echo "\${PIPESTATUS[0]}"`);
  assert.deepEqual([listed.stdout, listed.stderr], ['Sources\n0\n', '']);
});

test('a run that another process holds is refused', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': 'source: { type: jsonl, path: "-" }\nsink: { type: jsonl, path: DIR/out.jsonl }\n',
  });
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const file = join(directory, 'p.yaml');
  const holder = spawn(process.execPath, ['--import', 'tsx', main, 'run', file, '--events'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const { code, stderr } = await etl(['run', file]);
  holder.stdin.end();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`ETL_RUN_LOCKED: process ${holder.pid}`));
  const [holderCode] = (await once(holder, 'exit')) as [number | null];
  assert.equal(holderCode, 0);
});
