import { z } from 'zod';

import type { Json } from '../json.ts';

/** Options that every source from files has, with the same names and defaults. */
export const inputPath = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .meta({ examples: ['./export.jsonl', './exports/*.jsonl.gz', ['./a.jsonl', './b.jsonl'], '-'] });

export const batchSize = z.int().positive().default(500).describe('Records in a batch.');

export const batchBytes = z
  .int()
  .positive()
  .default(256 * 1024)
  .describe('A batch also ends with the record that reaches this many bytes.');

export const maxLineBytes = z
  .int()
  .positive()
  .default(64 * 1024 * 1024)
  .describe('A longer line is rejected. It takes no memory.');

export const bsonTypes = z
  .enum(['plain', 'relaxed', 'canonical'])
  .default('relaxed')
  .describe(
    'How types that JSON does not have are written: `relaxed` or `canonical` Extended JSON v2, or `plain` strings and numbers.',
  );

/** What decides the records: not how they are batched. */
export function configOf({
  batchSize: _,
  batchBytes: __,
  ...config
}: {
  readonly batchSize: number;
  readonly batchBytes: number;
}): Json {
  return JSON.parse(JSON.stringify(config)) as Json;
}
