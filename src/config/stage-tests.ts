import { AssertionError, deepStrictEqual } from 'node:assert/strict';

import { describeCause, EtlError } from '../errors.ts';
import type { Reject } from '../rejects.ts';
import { runPipeline } from '../run.ts';
import { fromIterable } from '../streams.ts';
import type { ConfiguredPipeline } from './load-pipeline.ts';
import type { StageTest } from './pipeline-options.ts';
import { readRecordFile } from './record-file.ts';
import { stageIndex } from './stage-index.ts';
import { nowhere, watch } from './watch.ts';

type ExpectedReject = StageTest['rejects'][number];

/** What became of one test of a pipeline file. */
export interface StageTestResult {
  readonly name: string;
  /** What came out, as JSON would hold it; nothing when the stages failed. */
  readonly records?: readonly unknown[];
  /** Why the test fails, to be read by people; nothing when it passes. */
  readonly difference?: string;
  /** True when only the records differ, so that taking them over would make it pass. */
  readonly canUpdate: boolean;
}

/** Runs one test: its records through the transforms it names, in a dry run, against what it expects. */
export async function runStageTest(
  pipeline: ConfiguredPipeline,
  test: StageTest,
  signal: AbortSignal,
): Promise<StageTestResult> {
  const { name } = test;
  try {
    const rejects: Reject[] = [];
    const records = await outputOf(pipeline, test, signal, (reject) => rejects.push(reject));
    const rejected = rejectDifference(rejects, test.rejects);
    if (rejected !== undefined) return { name, records, difference: rejected, canUpdate: false };
    const expected = test.expect ?? (test.expectFile === undefined ? undefined : await expectedIn(test.expectFile));
    const difference =
      expected === undefined
        ? 'nothing is expected yet: --update takes over what came out'
        : recordDifference(records, expected);
    return difference === undefined
      ? { name, records, canUpdate: false }
      : { name, records, difference, canUpdate: true };
  } catch (error) {
    const difference = error instanceof EtlError ? error.describe() : describeCause(error);
    return { name, difference, canUpdate: false };
  }
}

async function outputOf(
  { plan, stages }: ConfiguredPipeline,
  test: StageTest,
  signal: AbortSignal,
  onReject: (reject: Reject) => void,
): Promise<unknown[]> {
  const input = test.input ?? (await readRecordFile(test.inputFile ?? ''));
  const [first, last] = typeof test.stages === 'string' ? [test.stages, test.stages] : (test.stages ?? []);
  // Stages are counted with the source as 0, transforms without it.
  const from = first === undefined ? 0 : stageIndex(stages, first) - 1;
  const to = last === undefined ? plan.transforms.length : stageIndex(stages, last);
  if (first !== undefined && (from < 0 || to > plan.transforms.length || from >= to)) {
    throw new EtlError('ETL_CONFIG_INVALID', `"${first}" to "${last}" are not transforms in the order of the pipeline`);
  }
  const records: unknown[] = [];
  const watching = watch((record) => {
    records.push(asJson(record));
    return 'more';
  });
  const transforms = [...plan.transforms.slice(from, to), watching];
  const source = fromIterable(input);
  await runPipeline(
    { name: plan.name, source, transforms, sink: nowhere, onReject: { to: '' } },
    { dryRun: true, signal, onReject },
  );
  return records;
}

/** A file to be written by --update need not be there yet. */
async function expectedIn(file: string): Promise<unknown[] | undefined> {
  try {
    return await readRecordFile(file);
  } catch (error) {
    if (error instanceof EtlError && error.code === 'ETL_SOURCE_NOT_FOUND') return undefined;
    throw error;
  }
}

function recordDifference(actual: readonly unknown[], expected: readonly unknown[]): string | undefined {
  try {
    deepStrictEqual(actual, asJson(expected));
    return undefined;
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
}

function rejectDifference(actual: readonly Reject[], expected: readonly ExpectedReject[]): string | undefined {
  if (actual.length === expected.length && actual.every((reject, index) => isAsExpected(reject, expected[index])))
    return undefined;
  return `rejected records differ\nexpected:\n${rejectList(expected)}\nactual:\n${rejectList(actual)}`;
}

function isAsExpected({ stage, code, reason }: Reject, expected: ExpectedReject | undefined): boolean {
  return (
    (expected?.stage ?? stage) === stage && (expected?.code ?? code) === code && reason.includes(expected?.reason ?? '')
  );
}

function rejectList(rejects: readonly ExpectedReject[]): string {
  if (rejects.length === 0) return '  none';
  return rejects
    .map(({ stage = 'any stage', code = 'any code', reason = '' }) => `  ${stage}: ${code} ${reason}`)
    .join('\n');
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
}
