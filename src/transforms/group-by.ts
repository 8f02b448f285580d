import { join } from 'node:path';
import { z } from 'zod';

import { jsonBatch } from '../batch.ts';
import { defineTransform } from '../component.ts';
import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import { compilePath, pathOption } from '../paths.ts';
import { externalGroup, type Group } from '../spill/external-group.ts';
import { groupsToJson } from '../spill/group-json.ts';
import { decodeKey, encodeKey } from '../spill/key-bytes.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

const options = z.strictObject({
  key: z
    .union([pathOption, z.array(pathOption).min(1)])
    .describe('Field (or fields) that the records of a group share.')
    .meta({ examples: ['conversationId', ['user', 'conversationId']] }),
  orderBy: pathOption
    .optional()
    .describe(
      'Field to order the records of a group by; records with equal values, and all without this option, stay in the order of the input.',
    )
    .meta({ examples: ['createdAt'] }),
  missingKey: z
    .enum(['reject', 'keep'])
    .default('reject')
    .describe(
      'What to do with a record in which a key field is absent or null: reject it, or count the field as null.',
    ),
  memoryBytes: z
    .int()
    .positive()
    .default(64 * 1024 * 1024)
    .describe('Memory for records; beyond that they go to files.'),
});
export type GroupByOptions = z.input<typeof options>;

/** The records of one key. With several key fields, `key` is the list of their values. */
export interface GroupRecord<T = unknown> {
  readonly key: Json;
  readonly records: readonly T[];
}

const batchGroups = 100;
const batchBytes = 1024 * 1024;

/**
 * Brings the records of one key together, from wherever they stand in the input: `{key, records: [...]}`.
 *
 * Groups come in the order of their keys: null, false, true, numbers, strings by code point, arrays and objects by their
 * text; the number 1 and the string "1" are two keys. Nothing is given before the input has ended. Memory is bounded by
 * `memoryBytes` and the size of the largest group; the rest is in files. A resumed run reads its input again from the
 * beginning and goes on with the group after the last one committed. Records merged into a group count as merged.
 */
export function groupBy<T>(input: GroupByOptions): Transform<T, GroupRecord<T>> {
  const { key, orderBy, missingKey, memoryBytes } = options.parse(input);
  const readKey = (typeof key === 'string' ? [key] : key).map(compilePath);
  const keyOf = (bytes: Buffer): Json => (typeof key === 'string' ? (decodeKey(bytes)[0] ?? null) : decodeKey(bytes));
  const ordered = orderBy === undefined ? undefined : compilePath(orderBy);

  return {
    role: 'transform',
    name: 'group-by',
    config: { key, orderBy: orderBy ?? null, missingKey },
    async *apply(batches, ctx) {
      const grouping = externalGroup({
        directory: join(await ctx.directory(), 'runs'),
        memoryBytes,
        signal: ctx.signal,
      });
      try {
        let hasCursors = true;
        for await (const batch of batches) {
          hasCursors &&= batch.cursor !== undefined;
          for (const [index, record] of batch.records.entries()) {
            let isFull = false;
            try {
              const values = readKey.map((read) => read(record) ?? null);
              if (missingKey === 'reject' && values.includes(null)) throw missing(key);
              isFull = grouping.add(encodeKey(values), textOf(batch, index));
            } catch (error) {
              ctx.reject(record, error, { batch, index });
            }
            if (isFull) await grouping.spill();
          }
        }
        yield* given<T>(grouping.groups(), ctx, { keyOf, ordered, hasCursors });
      } finally {
        await grouping.close();
      }
    },
  };
}

interface Giving {
  readonly keyOf: (key: Buffer) => Json;
  readonly ordered: ((record: unknown) => unknown) | undefined;
  readonly hasCursors: boolean;
}

/** The groups in batches, after those that an earlier attempt has given. */
async function* given<T>(
  groups: AsyncIterable<Group>,
  ctx: StageContext,
  { keyOf, ordered, hasCursors }: Giving,
): AsyncGenerator<Batch<GroupRecord<T>>> {
  let replay = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
  let total = replay;
  let held: Group[] = [];
  let bytes = 0;
  const give = (): Batch<GroupRecord<T>> => {
    const json = groupsToJson(held, keyOf, ['records']);
    total += held.length;
    // The source's cursor stays at the beginning: its records are needed again to go on from here.
    const cursor = hasCursors ? ctx.partCursor(total) : undefined;
    held = [];
    bytes = 0;
    return jsonBatch<GroupRecord<T>>(json, { cursor });
  };
  for await (const { key, members } of groups) {
    ctx.count('merged', members.length - 1);
    if (replay > 0) {
      replay -= 1;
      ctx.replayed(1);
      continue;
    }
    held.push({ key, members: ordered === undefined ? members : sortedBy(members, ordered) });
    for (const { text } of members) bytes += text.length;
    if (held.length >= batchGroups || bytes >= batchBytes) yield give();
  }
  if (held.length > 0) yield give();
}

function sortedBy(members: Group['members'], read: (record: unknown) => unknown): Group['members'] {
  const keyed = members.map((member) => ({ member, key: encodeKey([read(JSON.parse(member.text.toString()))]) }));
  // Array.sort keeps the order of equals.
  return keyed.sort((left, right) => left.key.compare(right.key)).map(({ member }) => member);
}

function textOf(batch: Batch<unknown>, index: number): Uint8Array {
  const { json } = batch;
  if (json !== undefined) return json.bytes.subarray(json.starts[index], json.ends[index]);
  const text = JSON.stringify(batch.records[index]) as string | undefined;
  if (text === undefined) throw new EtlError('ETL_RECORD_INVALID', 'the record has no JSON form');
  return Buffer.from(text);
}

function missing(key: string | readonly string[]): EtlError {
  const names = typeof key === 'string' ? key : key.join(', ');
  return new EtlError('ETL_RECORD_INVALID', `no value at ${names}, which is the key`, {
    hint: 'Set "missingKey: keep" to count it as null.',
  });
}

export const groupByComponent = defineTransform({
  type: 'group-by',
  summary: 'Brings the records of one key together, in bounded memory',
  details:
    'Gives `{key, records: [...]}` in the order of keys, after the input has ended; the text of the records is copied as it ' +
    'was read. Spills to files beside the output. A resumed run reads its input again and goes on after the last group ' +
    'committed.',
  accepts: 'any',
  gives: 'group',
  options,
  examples: ['type: group-by\nkey: conversationId\norderBy: createdAt'],
  create: (input) => groupBy(input),
});
