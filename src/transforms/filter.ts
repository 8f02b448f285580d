import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { compileExpression, isTrue } from '../expression.ts';
import { expressionTimeout } from '../expression-timeout.ts';
import { keepRecords } from '../keep-records.ts';
import { forEachOutcome, type Outcome } from '../outcomes.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';
import { workInThreads } from '../workers/work-in-threads.ts';
import { workersOption } from '../workers/workers-option.ts';

const options = z.strictObject({
  where: z
    .string()
    .min(1)
    .describe('JSONata expression over the record; records for which it is true are kept.')
    .meta({ examples: ['role = "user"', '$count(messages) > 1 and $not(isTemporary)'] }),
  timeoutMs: expressionTimeout,
  workers: workersOption,
});
export type FilterOptions = z.input<typeof options>;

/**
 * Keeps the records for which a condition holds; the others count as filtered.
 *
 * The condition is a function (a thrown error rejects the record), or in `where` a JSONata expression. Kept records are
 * passed on as they were read, byte for byte when they are JSON text. With `workers` the expression is evaluated in threads; a
 * function that is worth it goes there by {@link filterInWorkers}.
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID` for an expression that does not compile.
 */
export function filter<In, Out extends In>(keep: (record: In) => record is Out): Transform<In, Out>;
export function filter<T>(keep: (record: T) => boolean): Transform<T, T>;
export function filter<T>(input: FilterOptions): Transform<T, T>;
export function filter<T>(input: FilterOptions | ((record: T) => boolean)): Transform<T, T> {
  return typeof input === 'function' ? filterByFunction(input) : filterByExpression(options.parse(input));
}

function filterByFunction<T>(keep: (record: T) => boolean): Transform<T, T> {
  const named = { name: 'filter', config: { function: keep.toString() }, holdsNothing: true };
  return syncTransform(named, (ctx) => (batch) => {
    const kept: number[] = [];
    let rejected = 0;
    for (const [index, record] of batch.records.entries()) {
      try {
        if (keep(record)) kept.push(index);
      } catch (error) {
        ctx.reject(record, error, { batch, index });
        rejected += 1;
      }
    }
    return keepRecords(batch, kept, rejected, ctx);
  });
}

function filterByExpression<T>({ where, timeoutMs, workers }: z.output<typeof options>): Transform<T, T> {
  const expression = compileExpression(where, timeoutMs);
  const claim = (record: T): boolean | Promise<boolean> => {
    const value = expression.evaluate(record);
    // A promise costs more than most conditions: only what needs one is awaited.
    return value instanceof Promise ? value.then(isTrue) : isTrue(value);
  };
  return {
    role: 'transform',
    name: 'filter',
    config: { where },
    holdsNothing: true,
    async *apply(input, ctx) {
      if (workers > 0) {
        yield* workInThreads<T, T>(input, { does: 'filter', by: { expression: where, timeoutMs } }, { workers }, ctx);
        return;
      }
      for await (const batch of input) {
        const kept: number[] = [];
        let rejected = 0;
        const take = (outcome: Outcome<boolean>, index: number): void => {
          if ('error' in outcome) {
            ctx.reject(batch.records[index], outcome.error, { batch, index });
            rejected += 1;
          } else if (outcome.value) kept.push(index);
        };
        await forEachOutcome(batch.records, claim, take, ctx.signal);
        yield keepRecords(batch, kept, rejected, ctx);
      }
    },
  };
}

export const filterComponent = defineTransform({
  type: 'filter',
  summary: 'Keeps the records for which a condition holds',
  details:
    'The condition is a JSONata expression; it counts as true by the rules of `$boolean`. Comparisons of fields with ' +
    'literals, joined by `and`, `or`, `$not`, `$exists` and `in`, run at the speed of a plain function. A record on which ' +
    'the expression fails, or takes longer than `timeoutMs`, is rejected. Patterns (`/…/`) are matched in linear time, by RE2: ' +
    'without look-ahead and references back to a group. Kept records stay as they were read. In TypeScript a function does the same.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: ['type: filter\nwhere: role = "user" and $length(text) > 0'],
  create: (input) => filter(input),
});
