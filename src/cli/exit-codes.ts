import type { ErrorCode } from '../errors.ts';
import type { RunReport } from '../report.ts';

/** What the command ends with. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  rejects: 3,
  differs: 4,
  testFailed: 5,
  interrupted: 75,
  configInvalid: 78,
} as const;

/** What each exit code means, for the docs. */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [exitCodes.done, 'done, or nothing to do'],
  [exitCodes.failed, 'the run failed; the same command goes on from the last commit'],
  [exitCodes.usage, 'the command was called in a way it does not know, or there was nothing to test'],
  [exitCodes.rejects, 'finished, but records were rejected'],
  [exitCodes.differs, 'source and target differ (`etl verify`, `etl langgraph migrate`)'],
  [exitCodes.testFailed, 'a test in a pipeline file failed (`etl test`)'],
  [exitCodes.interrupted, 'interrupted; the same command goes on from the last commit'],
  [exitCodes.configInvalid, 'the pipeline file is not valid'],
];

const ofErrors: Partial<Record<ErrorCode, number>> = {
  ETL_USAGE: exitCodes.usage,
  ETL_LIMIT_REFUSED: exitCodes.usage,
  ETL_CONFIG_NOT_FOUND: exitCodes.configInvalid,
  ETL_CONFIG_SYNTAX: exitCodes.configInvalid,
  ETL_CONFIG_INVALID: exitCodes.configInvalid,
  ETL_CONFIG_VARIABLE: exitCodes.configInvalid,
  ETL_CONFIG_WIRING: exitCodes.configInvalid,
  ETL_COMPONENT_UNKNOWN: exitCodes.configInvalid,
  ETL_EXPRESSION_INVALID: exitCodes.configInvalid,
  ETL_VERIFY_DIFFERS: exitCodes.differs,
  ETL_TEST_FAILED: exitCodes.testFailed,
  ETL_ABORTED: exitCodes.interrupted,
};

export function exitCodeOfError(code: ErrorCode): number {
  return ofErrors[code] ?? exitCodes.failed;
}

/** `rejectsLeft`: the reject file of a run that was finished before still holds records. */
export function exitCodeOfReport({ status, counts }: RunReport, rejectsLeft: boolean): number {
  if (status === 'failed') return exitCodes.failed;
  if (status === 'stopped') return exitCodes.interrupted;
  if (status === 'unchanged') return rejectsLeft && counts.rejected > 0 ? exitCodes.rejects : exitCodes.done;
  return counts.rejected > 0 ? exitCodes.rejects : exitCodes.done;
}
