import { join } from 'node:path';
import { z } from 'zod';

import { pickRecords, recordCount, withCursor } from '../batch.ts';
import { canonicalJson } from '../canonical-json.ts';
import { defineTransform } from '../component.ts';
import { EtlError } from '../errors.ts';
import { compilePath, pathOption } from '../paths.ts';
import { encodeKey } from '../spill/key-bytes.ts';
import { digestKey, keyWords } from '../spill/key-digest.ts';
import { openKeyLog } from '../spill/key-log.ts';
import { KeyTable } from '../spill/key-table.ts';
import { SpilledKeys } from '../spill/spilled-keys.ts';
import type { Transform } from '../stage.ts';

const options = z.strictObject({
  key: z
    .union([pathOption, z.array(pathOption).min(1)])
    .describe('Field (or fields) that two records share when they are the same; "record" for the whole record.')
    .meta({ examples: ['id', ['conversationId', 'messageId'], 'record'] }),
  memory: z
    .enum(['exact', 'spill'])
    .default('exact')
    .describe(
      'Where the keys seen are held: all in memory (about 30 bytes each), or in `memoryBytes` and files. Both are exact.',
    ),
  memoryBytes: z
    .int()
    .positive()
    .default(64 * 1024 * 1024)
    .describe('Memory for the keys with `memory: spill`.'),
  missingKey: z
    .enum(['reject', 'keep'])
    .default('reject')
    .describe('What to do with a record in which a key field is absent or null: reject it, or keep every one of them.'),
});
export type DedupeOptions = z.input<typeof options>;

/**
 * Keeps the first record of every key; later ones count as filtered.
 *
 * Keys are compared exactly (by 128 bits of their SHA-256): the number 1 is not the string "1". The whole record is
 * compared without regard to the order of its fields. The keys seen are part of the run's progress: a resumed run drops
 * what an unbroken one would have dropped.
 *
 * @throws {EtlError} `ETL_LEDGER_INVALID` when the keys of the run that is resumed are gone.
 */
export function dedupe<T>(input: DedupeOptions): Transform<T, T> {
  const { key, memory, memoryBytes, missingKey } = options.parse(input);
  const keyOf = compileKey(key);

  return {
    role: 'transform',
    name: 'dedupe',
    config: { key, missingKey },
    holdsNothing: true,
    async *apply(batches, ctx) {
      const directory = await ctx.directory();
      const log = await openKeyLog(join(directory, 'keys'), typeof ctx.cursor === 'number' ? ctx.cursor : 0);
      const seen = memory === 'exact' ? new KeyTable() : new SpilledKeys(join(directory, 'runs'), memoryBytes);
      const settle = async (): Promise<void> => {
        if (seen instanceof SpilledKeys) await seen.settle();
      };
      ctx.beforeCommit(() => log.sync());
      try {
        for await (const words of log.keys()) {
          for (let at = 0; at < words.length; at += keyWords) seen.add(words, at);
          await settle();
        }
        for await (const batch of batches) {
          const kept: number[] = [];
          const added = new Uint32Array(recordCount(batch) * keyWords);
          let used = 0;
          let filtered = 0;
          for (const [index, record] of batch.records.entries()) {
            let value: string | Uint8Array | undefined;
            try {
              value = keyOf(record);
              if (value === undefined && missingKey === 'reject') throw missing(key);
            } catch (error) {
              ctx.reject(record, error, { batch, index });
              continue;
            }
            if (value === undefined) {
              kept.push(index);
              continue;
            }
            digestKey(value, added, used);
            if (seen.add(added, used)) {
              kept.push(index);
              used += keyWords;
            } else filtered += 1;
          }
          ctx.count('filtered', filtered, { batch });
          await log.append(added.subarray(0, used));
          await settle();
          yield withCursor(pickRecords(batch, kept), ctx.withState(batch.cursor, log.count));
        }
      } finally {
        await log.close();
        if (seen instanceof SpilledKeys) await seen.close();
      }
    },
  };
}

/** What a record is compared by; nothing when a field of it is missing. */
function compileKey(key: string | readonly string[]): (record: unknown) => string | Uint8Array | undefined {
  if (key === 'record') return canonicalJson;
  const paths = (typeof key === 'string' ? [key] : key).map(compilePath);
  return (record) => {
    const values = paths.map((read) => read(record));
    return values.some((value) => value === undefined || value === null) ? undefined : encodeKey(values);
  };
}

function missing(key: string | readonly string[]): EtlError {
  const names = typeof key === 'string' ? key : key.join(', ');
  return new EtlError('ETL_RECORD_INVALID', `no value at ${names}, which is the key`, {
    hint: 'Set "missingKey: keep" to let such records through.',
  });
}

export const dedupeComponent = defineTransform({
  type: 'dedupe',
  summary: 'Keeps the first record of every key',
  details:
    'Exact, in memory or with files. The keys seen outlive an interruption: a resumed run gives what an unbroken one gives. ' +
    'A record whose key is called "record" needs `key: [record]`.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: ['type: dedupe\nkey: id', 'type: dedupe\nkey: [conversationId, messageId]\nmemory: spill'],
  create: (input) => dedupe(input),
});
