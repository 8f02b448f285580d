import { EtlError } from '../errors.ts';
import { jsonPieces } from '../formats/json-pieces.ts';
import { JsonRecordsWriter } from '../formats/json-records-writer.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import { nothingCameOut } from '../map-batch.ts';
import { forEachOutcome, outcomesOf, valueOf } from '../outcomes.ts';

/** Work on single records that any thread can do: what cannot be sent as a function can by its text or its address. */
export interface RecordWork {
  /** Change records, or say which to keep. */
  readonly does: 'map' | 'filter';
  /** By a JSONata expression, or by a function that a module exports. */
  readonly by:
    | { readonly expression: string; readonly timeoutMs?: number }
    | { readonly module: string; readonly name: string };
}

export interface RecordProblem {
  readonly index: number;
  readonly error: unknown;
}

/** What came of a batch's records, in a form that a thread can send. */
export interface WorkDone {
  /** Records that came to nothing, in their order. */
  readonly problems: readonly RecordProblem[];
  /** Of a filter: 1 for each record to keep. */
  readonly kept?: Uint8Array<ArrayBuffer> | undefined;
  /** Of a map: the records, but for those with problems. Absent: each is as it was. */
  readonly json?: JsonRecords | undefined;
}

/** The records of a batch. */
export interface RecordsToDo {
  readonly count: number;
  readonly recordAt: (index: number) => unknown;
  /** Whether a record is so large that what comes of it may be, too. */
  readonly isLarge?: ((index: number) => boolean) | undefined;
  /** For what comes out, as far as it has room. */
  readonly memory?: Buffer | undefined;
}

/** Does the work on the records of a batch. It does not reject. */
export type DoWork = (given: RecordsToDo) => Promise<WorkDone>;

/**
 * Makes work ready to be done in this thread.
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID`; `ETL_CONFIG_INVALID` when the module cannot be loaded or does not export the
 *   function.
 */
export async function readyWork({ does, by }: RecordWork): Promise<DoWork> {
  const functions = 'expression' in by ? await byExpression(by.expression, by.timeoutMs) : await byModule(by);
  return does === 'map' ? (given) => changed(given, functions) : (given) => keptOf(given, functions);
}

interface Functions {
  /** It never changes its argument: a batch of which it gives back every record stays as it is. */
  readonly isPure: boolean;
  readonly change: (record: unknown) => unknown;
  readonly keep: (record: unknown) => unknown;
}

async function byExpression(text: string, timeoutMs?: number): Promise<Functions> {
  // Threads that work by a function have no use for the evaluator.
  const { compileExpression, isTrue, plainJson } = await import('../expression.ts');
  const expression = compileExpression(text, timeoutMs);
  return {
    isPure: true,
    change: (record) => afterwards(expression.evaluate(record), plainJson),
    keep: (record) => afterwards(expression.evaluate(record), isTrue),
  };
}

async function byModule({ module, name }: { readonly module: string; readonly name: string }): Promise<Functions> {
  const where = { file: module };
  let exported: unknown;
  try {
    exported = ((await import(module)) as Readonly<Record<string, unknown>>)[name];
  } catch (cause) {
    throw new EtlError('ETL_CONFIG_INVALID', 'the module with the function cannot be loaded', { where, cause });
  }
  if (typeof exported === 'function') {
    // What it gives is looked at record by record.
    const change = exported as (record: unknown) => unknown;
    return { isPure: false, change, keep: (record) => afterwards(change(record), Boolean) };
  }
  throw new EtlError(
    'ETL_CONFIG_INVALID',
    `expected a function as "${name}" of the module, received ${typeof exported}`,
    {
      where,
    },
  );
}

function afterwards(value: unknown, change: (value: unknown) => unknown): unknown {
  return value instanceof Promise ? value.then(change) : change(value);
}

async function keptOf({ count, recordAt }: RecordsToDo, { keep }: Functions): Promise<WorkDone> {
  const outcomes = await outcomesOf(indexesOf(count), (index) => keep(recordAt(index)));
  const problems: RecordProblem[] = [];
  const kept = new Uint8Array(count);
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) problems.push({ index, error: outcome.error });
    else kept[index] = outcome.value === true ? 1 : 0;
  }
  return { problems, kept };
}

/** Each is text again before the next one is begun: objects that live no longer cost the garbage collector next to nothing. */
async function changed(
  { count, recordAt, isLarge, memory }: RecordsToDo,
  { change, isPure }: Functions,
): Promise<WorkDone> {
  const problems: RecordProblem[] = [];
  const written = new JsonRecordsWriter(count, memory);
  // The first ones, while each is as it was.
  let same: unknown[] | undefined = isPure ? [] : undefined;
  let record: unknown;
  const write = (index: number, value: () => unknown): void => {
    try {
      if (isLarge?.(index) === true) written.addPieces(jsonOf(value(), jsonPieces));
      else written.add(jsonOf(value(), JSON.stringify));
    } catch (error) {
      problems.push({ index, error });
    }
  };
  await forEachOutcome(
    indexesOf(count),
    (index) => {
      record = recordAt(index);
      return change(record);
    },
    (outcome, index) => {
      if (same !== undefined && 'value' in outcome && outcome.value === record) {
        same.push(record);
        return;
      }
      for (const [place, value] of (same ?? []).entries()) write(place, () => value);
      same = undefined;
      write(index, () => valueOf(outcome));
    },
  );
  return same === undefined ? { problems, json: written.records() } : { problems };
}

function indexesOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** @throws {EtlError} `ETL_RECORD_INVALID` for what has no JSON form. */
function jsonOf<T>(value: unknown, textOf: (value: unknown) => T | undefined): T {
  if (value === undefined) throw nothingCameOut();
  let text: T | undefined;
  let cause: unknown;
  try {
    // Gives undefined for functions and symbols.
    text = textOf(value);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw new EtlError('ETL_RECORD_INVALID', 'what came out has no JSON form', { cause });
  return text;
}
