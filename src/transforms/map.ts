import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { EtlError } from '../errors.ts';
import { compileExpression } from '../expression.ts';
import { mapBatch } from '../map-batch.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const options = z.strictObject({
  to: z
    .string()
    .min(1)
    .describe('JSONata expression over the record; its value is the new record.')
    .meta({ examples: ['{"id": conversationId, "title": title}', '$merge([$, {"archived": true}])'] }),
});
export type MapOptions = z.input<typeof options>;

/**
 * Turns every record into another one.
 *
 * By a function, or in `to` by a JSONata expression. The function must not change its argument and must give a record: an
 * error or `undefined` rejects the record. `map` neither drops nor adds records (see `filter`, and generator functions for
 * `through`).
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
    { name: 'map', config: { function: change.toString() } },
    (ctx) => (batch) => mapBatch(batch, change, ctx),
  );
}

function mapByExpression({ to }: z.output<typeof options>): Transform<unknown, unknown> {
  const expression = compileExpression(to);
  return {
    role: 'transform',
    name: 'map',
    config: { to },
    async *apply(input, ctx) {
      for await (const batch of input) {
        const outcomes: unknown[] = [];
        for (const record of batch.records) {
          try {
            const value = expression.evaluate(record);
            outcomes.push(plainJson(value instanceof Promise ? await value : value));
          } catch (error) {
            outcomes.push(new Failure(error));
          }
        }
        let next = 0;
        yield mapBatch(batch, () => valueOf(outcomes[next++]), ctx);
      }
    },
  };
}

/** An error that waits for its record's turn. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function valueOf(outcome: unknown): unknown {
  if (outcome instanceof Failure) throw outcome.error;
  return outcome;
}

/** JSONata's values carry marks on arrays and objects without prototype; records are plain JSON. */
function plainJson(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('_jsonata_function' in value || '_jsonata_lambda' in value) {
    throw new EtlError('ETL_RECORD_INVALID', 'the expression gives a function, which has no JSON form');
  }
  if ('toJSON' in value) return value;
  if (Array.isArray(value)) return value.map(plainJson);
  // Through entries, so that a field called `__proto__` stays a field.
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plainJson(field)]));
}

export const mapComponent = defineTransform({
  type: 'map',
  summary: 'Turns every record into another one',
  details:
    'The new record is the value of a JSONata expression. A record for which the expression fails or gives nothing is ' +
    'rejected. `$now()`, `$millis()` and `$random()` give something else each time: with them a resumed run differs from an ' +
    'unbroken one. In TypeScript a function does the same, and faster.',
  accepts: 'any',
  gives: 'any',
  options,
  examples: ['type: map\nto: \'{"id": conversationId, "title": title, "messages": $count(messages)}\''],
  create: (input) => map(input),
});
