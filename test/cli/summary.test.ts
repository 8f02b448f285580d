import assert from 'node:assert/strict';
import { test } from 'node:test';

import pc from 'picocolors';

import { failedReport } from '../../src/cli/failed-report.ts';
import { exitCodeOfReport } from '../../src/cli/exit-codes.ts';
import { renderSummary } from '../../src/cli/render-summary.ts';
import { resumeCommand } from '../../src/cli/resume-command.ts';
import { EtlError } from '../../src/errors.ts';
import { noCounts, type RunReport } from '../../src/report.ts';

const base: RunReport = {
  ...failedReport('import', new EtlError('ETL_STAGE_FAILED', 'x'), new Date()),
  error: null,
  ledger: 'out.etl',
};
const colors = pc.createColors(false);
const stage: RunReport['stages'][number] = {
  stage: 'map',
  role: 'transform',
  in: 0,
  out: 0,
  bytes: 0,
  filtered: 0,
  skipped: 0,
  merged: 0,
  expanded: 0,
  rejected: 0,
  replayed: 0,
  busyMs: 9,
  waitUpMs: 1,
  waitDownMs: 0,
};

function summary(change: Partial<RunReport>): string {
  return renderSummary({ ...base, elapsedMs: 2500, ...change }, { colors }, 'etl run p.yaml');
}

test('tells the sums, the speed, the rejects and the warnings', () => {
  const text = summary({
    status: 'finished',
    counts: { ...noCounts, read: 10_000, written: 9_000, filtered: 900, expanded: 3, merged: 3, rejected: 100 },
    bytesRead: 5e6,
    bytesWritten: 4e6,
    stages: [stage],
    rejects: {
      to: './r.jsonl',
      reasons: [
        { stage: 'map', code: 'ETL_RECORD_INVALID', reason: 'no id', count: 97 },
        { stage: 'target', code: 'ETL_REQUEST_FAILED', reason: 'no graph', hint: 'Deploy it there.', count: 2 },
      ],
      moreReasons: 1,
    },
    warnings: [{ stage: 'map', message: 'odd', times: 3 }],
  });
  assert.deepEqual(text.split('\n'), [
    'finished · import · 2.5 s',
    '  10,000 read + 3 expanded = 9,000 written + 900 filtered + 3 merged + 100 rejected',
    '  4.00k records/s · 5.00 MB read · 4.00 MB written',
    '  slowest stage: map, at work 90 % of its time',
    '  rejected → ./r.jsonl',
    '    97 × map: no id (ETL_RECORD_INVALID)',
    '    2 × target: no graph (ETL_REQUEST_FAILED)',
    '      Deploy it there.',
    '    … and 1 more: etl rejects ls FILE',
    '  warning map: odd (3 times)',
  ]);
});

test('tells how to go on, where there is something to go on from', () => {
  const stopped = { status: 'stopped', counts: { ...noCounts, read: 5, written: 5 } } as const;
  assert.match(
    summary(stopped),
    /stopped · import[^]*5 records safe on the other side; go on with:\n {4}etl run p\.yaml$/,
  );
  assert.match(summary({ ...stopped, ledger: null }), /this sink keeps no progress: the same command starts over$/);
  const failed = { status: 'failed', stages: [stage] } as const;
  assert.match(
    summary({ ...failed, attempts: 2 }),
    /failed · import · 2\.5 s · attempt 2\n {2}0 read = 0 written\n[^]*nothing is committed yet$/,
  );
  assert.equal(
    summary({ ...failed, stages: [] }),
    'failed · import · 2.5 s\n  the run did not begin; what is written stays as it is',
  );
  const untold = { ...failed, ledger: null, counts: { ...noCounts, written: 16 } };
  assert.match(summary(untold), /\n {2}16 written when it ended\n/);
  const aborted = { code: 'ETL_ABORTED', message: 'stopped', where: {}, hint: '' };
  assert.match(summary({ ...failed, error: aborted }), /^aborted · import/);
  assert.match(summary({ status: 'sampled' }), /a sample moves no cursor/);
  assert.match(summary({ status: 'unchanged', attempts: 2 }), /in 2 attempts\n {2}--new-run starts it over$/);
});

test('rejects of a run that ended before it kept them are named all the same', () => {
  const reasons = [{ stage: 'map', code: 'ETL_RECORD_INVALID', reason: 'no id', count: 4 }];
  const text = summary({ status: 'failed', stages: [stage], rejects: { to: './r.jsonl', reasons, moreReasons: 0 } });
  assert.match(text, /rejected, and not in the file: .*\n {4}4 × map: no id \(ETL_RECORD_INVALID\)\n/);
});

test('no more than ten warnings are listed', () => {
  const warnings = Array.from({ length: 12 }, (_, index) => ({ stage: 's', message: `w${index}`, times: 1 }));
  const text = summary({ status: 'finished', warnings });
  assert.equal(text.match(/warning s:/g)?.length, 10);
  assert.match(text, /… and 2 more warnings/);
});

test('the command that goes on is quoted for a shell and does not start over', () => {
  assert.equal(
    resumeCommand(['run', 'a b.yaml', '--new-run', "it's", '--limit', '3']),
    "etl run 'a b.yaml' 'it'\\''s' --limit 3",
  );
});

test('the exit code follows the report', () => {
  const code = (change: Partial<RunReport>, rejectsLeft = false) =>
    exitCodeOfReport({ ...base, ...change }, rejectsLeft);
  assert.equal(code({ status: 'finished' }), 0);
  assert.equal(code({ status: 'finished', counts: { ...noCounts, rejected: 1 } }), 3);
  assert.equal(code({ status: 'unchanged', counts: { ...noCounts, rejected: 1 } }), 0);
  assert.equal(code({ status: 'unchanged', counts: { ...noCounts, rejected: 1 } }, true), 3);
  // Other runs may share the file.
  assert.equal(code({ status: 'unchanged' }, true), 0);
  assert.equal(code({ status: 'stopped', counts: { ...noCounts, rejected: 1 } }), 75);
  assert.equal(code({ status: 'failed' }), 1);
  assert.equal(code({ status: 'sampled' }), 0);
  assert.equal(code({ status: 'dry-run', counts: { ...noCounts, rejected: 1 } }), 3);
});
