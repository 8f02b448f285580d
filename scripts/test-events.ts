import type { EventData } from 'node:test';
import { inspect } from 'node:util';

interface RunnerEvent {
  readonly type: string;
  readonly data: unknown;
}

/** What scripts/test.ts wants to know of a test file's run: a line of JSON each. */
export type TestEvent =
  | {
      readonly type: 'test';
      readonly name: string;
      readonly place: string;
      readonly skipped?: string;
      readonly error?: string;
    }
  | { readonly type: 'total'; readonly name: string; readonly value: number };

/** A reporter for node:test that writes what happened as JSON lines. Errors of nested tests are told once, at the innermost. */
export default async function* testEvents(source: AsyncIterable<RunnerEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type === 'test:pass') yield* passed(data as EventData.TestPass);
    else if (type === 'test:fail') yield* failed(data as EventData.TestFail);
    else if (type === 'test:diagnostic') yield* total(data as EventData.TestDiagnostic);
  }
}

function* passed({ name, file, line, skip }: EventData.TestPass): Generator<string> {
  if (skip === undefined || skip === false) return;
  yield lineOf({ type: 'test', name, place: placeOf(file, line), skipped: typeof skip === 'string' ? skip : '' });
}

function* failed({ name, file, line, details: { error }, todo }: EventData.TestFail): Generator<string> {
  if ((todo !== undefined && todo !== false) || ('failureType' in error && error.failureType === 'subtestsFailed'))
    return;
  const shown = inspect(error.cause instanceof Error ? error.cause : error);
  yield lineOf({ type: 'test', name, place: placeOf(file, line), error: shown });
}

/** `tests 12`, as node itself sums up a file at its end. */
function* total({ nesting, message }: EventData.TestDiagnostic): Generator<string> {
  const [, name, value] = /^(\w+) ([\d.]+)$/.exec(message) ?? [];
  if (nesting === 0 && name !== undefined) yield lineOf({ type: 'total', name, value: Number(value) });
}

function placeOf(file: string | undefined, line: number | undefined): string {
  return `${(file ?? '').replace(`${process.cwd()}/`, '')}:${line ?? 0}`;
}

function lineOf(event: TestEvent): string {
  return `${JSON.stringify(event)}\n`;
}
