import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { compileExpression, plainJson } from '../expression.ts';
import { expressionTimeout } from '../expression-timeout.ts';
import { mapBatch, mapBatchInTurn } from '../map-batch.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';
import { workInThreads } from '../workers/work-in-threads.ts';
import { workersOption } from '../workers/workers-option.ts';

const options = z.strictObject({
  to: z
    .string()
    .min(1)
    .describe('JSONata expression over the record; its value is the new record.')
    .meta({ examples: ['{"id": conversationId, "title": title}', '$merge([$, {"archived": true}])'] }),
  timeoutMs: expressionTimeout,
  workers: workersOption,
});
export type MapOptions = z.input<typeof options>;

/**
 * Turns every record into another one.
 *
 * By a function, or in `to` by a JSONata expression. The function gives the record that goes on, which may be its argument,
 * changed; an error or `undefined` rejects the record as it came. `map` neither drops nor adds records (see `filter`, and
 * generator functions for `through`). With `workers` the expression is evaluated in threads; a function that is worth it goes
 * there by {@link mapInWorkers}.
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID` for an expression that does not compile.
 */
export function map<In, Out>(change: (record: In) => Out): Transform<In, Out>;
export function map(input: MapOptions): Transform<unknown, unknown>;
export function map<In, Out>(
  input: MapOptions | ((record: In) => Out),
): Transform<In, Out> | Transform<unknown, unknown> {
  return typeof input === 'function' ? mapByFunction(input) : mapByExpression(options.parse(input));
}

function mapByFunction<In, Out>(change: (record: In) => Out): Transform<In, Out> {
  return syncTransform(
    { name: 'map', config: { function: change.toString() }, holdsNothing: true },
    (ctx) => (batch) => mapBatch(batch, change, ctx),
  );
}

function mapByExpression({ to, timeoutMs, workers }: z.output<typeof options>): Transform<unknown, unknown> {
  const expression = compileExpression(to, timeoutMs);
  const change = (record: unknown): unknown => {
    const value = expression.evaluate(record);
    return value instanceof Promise ? value.then(plainJson) : plainJson(value);
  };
  return {
    role: 'transform',
    name: 'map',
    config: { to },
    holdsNothing: true,
    async *apply(input, ctx) {
      if (workers > 0) {
        yield* workInThreads(input, { does: 'map', by: { expression: to, timeoutMs } }, { workers }, ctx);
        return;
      }
      for await (const batch of input) {
        yield await mapBatchInTurn(batch, change, ctx, { isPure: true });
      }
    },
  };
}

export const mapComponent = defineTransform({
  type: 'map',
  summary: 'Turns every record into another one',
  details:
    'The new record is the value of a JSONata expression. A record for which the expression fails, gives nothing ' +
    'or takes longer than `timeoutMs` is rejected. Patterns (`/…/`) are matched in linear time, by RE2: without look-ahead and ' +
    'references back to a group. `$now()`, `$millis()` and `$random()` give something else each time: with them a resumed run differs from an ' +
    'unbroken one. In TypeScript a function does the same, and faster.',
  accepts: 'any',
  gives: 'any',
  options,
  examples: ['type: map\nto: \'{"id": conversationId, "title": title, "messages": $count(messages)}\''],
  create: (input) => map(input),
});
