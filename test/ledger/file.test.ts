import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import { fileLedger, ledgerDirectory } from '../../src/ledger/file.ts';
import { noCounts } from '../../src/report.ts';
import type { Progress } from '../../src/stage.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'etl-ledger-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return join(path, 'out.jsonl.etl');
}

const progress = (written: number): Progress => ({
  version: 1,
  run: 'r',
  pipeline: 'p',
  digest: 'd',
  config: { name: 'p' },
  status: 'running',
  position: { seq: written, read: written, bytes: written, at: written, states: {} },
  sink: { bytes: written },
  counts: { ...noCounts, read: written, written },
  rejectBytes: 0,
  attempts: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  savedAt: '2026-01-01T00:00:00.000Z',
  elapsedMs: 1,
});

test('gives what was saved last, also to a later process', async (t) => {
  const directory = await folder(t);
  const ledger = fileLedger(directory);
  assert.equal(await ledger.open(), undefined);
  await ledger.save(progress(1));
  await ledger.save(progress(2));
  assert.deepEqual(await ledger.peek(), progress(2));
  await ledger.close();
  const again = fileLedger(directory);
  assert.deepEqual(await again.open(), progress(2));
  await again.save(progress(3));
  await again.close();
  assert.deepEqual(await fileLedger(directory).peek(), progress(3));
});

test('passes over a torn last line, and goes on behind it', async (t) => {
  const directory = await folder(t);
  const ledger = fileLedger(directory);
  await ledger.open();
  await ledger.save(progress(1));
  await ledger.save(progress(2));
  await ledger.close();
  const journal = join(directory, 'journal');
  const whole = await readFile(journal, 'utf8');
  for (let length = whole.length - 2; length > whole.indexOf('\n'); length -= 7) {
    await writeFile(journal, whole.slice(0, length));
    const torn = fileLedger(directory);
    assert.deepEqual(await torn.open(), progress(1), `cut to ${length}`);
    await torn.save(progress(5));
    await torn.close();
    assert.deepEqual(await fileLedger(directory).peek(), progress(5));
  }
});

test('a journal that holds no valid entry is refused', async (t) => {
  const directory = await folder(t);
  const ledger = fileLedger(directory);
  await ledger.open();
  await ledger.close();
  await appendFile(join(directory, 'journal'), 'this is\nnot ours\n');
  await assert.rejects(
    fileLedger(directory).open(),
    (error) => error instanceof EtlError && error.code === 'ETL_LEDGER_INVALID',
  );
});

test('reset forgets the run', async (t) => {
  const ledger = fileLedger(await folder(t));
  await ledger.open();
  await ledger.save(progress(1));
  await ledger.reset();
  assert.equal(await ledger.peek(), undefined);
  await ledger.save(progress(2));
  assert.deepEqual(await ledger.peek(), progress(2));
  await ledger.close();
});

test('stays small over many commits', async (t) => {
  const directory = await folder(t);
  const ledger = fileLedger(directory);
  await ledger.open();
  const large = { ...progress(1), sink: 'x'.repeat(300_000) };
  for (let written = 0; written < 12; written += 1) await ledger.save(large);
  await ledger.save(progress(7));
  await ledger.close();
  assert.ok((await stat(join(directory, 'journal'))).size < 2_000_000);
  assert.deepEqual(await fileLedger(directory).peek(), progress(7));
});

test('a second run is refused while the first is open, by the same process or another', async (t) => {
  const directory = await folder(t);
  const first = fileLedger(directory);
  await first.open();
  await assert.rejects(
    fileLedger(directory).open(),
    (error) =>
      error instanceof EtlError && error.code === 'ETL_RUN_LOCKED' && error.message.includes(String(process.pid)),
  );
  await first.close();
  const second = fileLedger(directory);
  await second.open();
  await second.close();
});

test('a process that is killed leaves no lock behind', async (t) => {
  const directory = await folder(t);
  const script = `
    const { fileLedger } = await import(${JSON.stringify(new URL('../../src/ledger/file.ts', import.meta.url).href)});
    await fileLedger(${JSON.stringify(directory)}).open();
    console.log('locked');
    setInterval(() => {}, 1000);
  `;
  const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await assert.rejects(
    fileLedger(directory).open(),
    (error) => error instanceof EtlError && error.code === 'ETL_RUN_LOCKED',
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const ledger = fileLedger(directory);
  await ledger.open();
  await ledger.close();
});

test('the folder stands beside the output', () => {
  assert.equal(ledgerDirectory('a/b/out.jsonl'), 'a/b/out.jsonl.etl');
});
