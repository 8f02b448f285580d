import { z } from 'zod';

import { recordCount, withCursor } from '../batch.ts';
import { defineTransform } from '../component.ts';
import { jsonRecordText } from '../formats/json-records.ts';
import type { Batch, Transform } from '../stage.ts';

const options = z.strictObject({
  first: z.int().nonnegative().default(3).describe('Show so many records at the beginning.'),
  every: z
    .int()
    .positive()
    .optional()
    .describe('After that, show every n-th record.')
    .meta({ examples: [10000] }),
  maxLength: z.int().positive().default(300).describe('Characters of a record to show.'),
});
export type TapOptions = z.input<typeof options>;

/** Gets the record shown and its number, from 1. It must not change the record. */
export type TapFunction<T> = (record: T, number: number) => void;

/**
 * Shows some of the records that pass, and how many there were, on stderr; with a function, gives it those records instead.
 *
 * Records are numbered over interruptions and resumes. Nothing about them changes, and only those shown are decoded.
 */
export function tap<T>(input?: TapOptions): Transform<T, T>;
export function tap<T>(show: TapFunction<T>, input?: TapOptions): Transform<T, T>;
export function tap<T>(showOrInput: TapFunction<T> | TapOptions = {}, input: TapOptions = {}): Transform<T, T> {
  const show = typeof showOrInput === 'function' ? showOrInput : undefined;
  const { first, every, maxLength } = options.parse(typeof showOrInput === 'function' ? input : showOrInput);

  return {
    role: 'transform',
    name: 'tap',
    // What is shown decides nothing about what is written.
    config: {},
    holdsNothing: true,
    async *apply(batches, ctx) {
      let seen = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
      for await (const batch of batches) {
        const count = recordCount(batch);
        for (const index of shown(seen, count, first, every)) {
          if (show === undefined) print(`${ctx.stage}: ${seen + index + 1} ${excerpt(batch, index, maxLength)}`);
          else show(batch.records[index] as T, seen + index + 1);
        }
        seen += count;
        yield withCursor(batch, ctx.withState(batch.cursor, seen));
      }
      if (show === undefined) print(`${ctx.stage}: ${seen} records`);
    },
  };
}

/** Places in a batch, of which `seen` records came before, that are to be shown. */
function shown(seen: number, count: number, first: number, every: number | undefined): number[] {
  const places: number[] = [];
  for (let number = seen + 1; number <= Math.min(first, seen + count); number += 1) places.push(number - seen - 1);
  if (every === undefined) return places;
  const from = Math.max(first, seen) + 1;
  for (let number = Math.ceil(from / every) * every; number <= seen + count; number += every)
    places.push(number - seen - 1);
  return places;
}

function excerpt(batch: Batch<unknown>, index: number, maxLength: number): string {
  const text = batch.json === undefined ? JSON.stringify(batch.records[index]) : jsonRecordText(batch.json, index);
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}

export const tapComponent = defineTransform({
  type: 'tap',
  summary: 'Shows some of the records that pass, and counts them',
  details: 'Writes to stderr. The records shown may hold private text; nothing about the records changes.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: ['type: tap', 'type: tap\nfirst: 1\nevery: 10000'],
  create: (input) => tap(input),
});
