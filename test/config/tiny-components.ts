import { z } from 'zod';

import { defineSink, defineSource, defineTransform, type Component } from '../../src/component.ts';
import { EtlError } from '../../src/errors.ts';
import { syncTransform } from '../../src/streams.ts';

/** Components that do as little as the checks of a configuration need. */
export const tinyComponents: readonly Component[] = [
  defineSource({
    type: 'numbers',
    summary: 'Gives numbers.',
    gives: 'number',
    options: z.strictObject({
      path: z
        .union([z.string(), z.array(z.string())])
        .describe('File to read.')
        .meta({ examples: ['./in.jsonl'] }),
      batchSize: z.int().positive().default(500).describe('Records in a batch.'),
      mode: z.enum(['append', 'replace']).default('append').describe('How.'),
      uri: z.string().describe('Address.').meta({ secret: true }).optional(),
      nested: z.strictObject({ inner: z.string() }).describe('A part of its own.').optional(),
    }),
    create: () => ({ role: 'source', name: 'numbers', read: async function* () {} }),
  }),
  defineSource({
    type: 'chats',
    summary: 'Gives conversations.',
    gives: 'conversation',
    options: z.strictObject({}),
    create: () => ({ role: 'source', name: 'chats', read: async function* () {} }),
  }),
  defineTransform({
    type: 'double',
    summary: 'Doubles numbers.',
    accepts: 'number',
    gives: 'same',
    options: z.strictObject({ times: z.number().min(0).max(9).optional() }),
    create: () => syncTransform<unknown, unknown>({ name: 'double' }, () => (batch) => batch),
  }),
  defineTransform({
    type: 'to-chats',
    summary: 'Makes conversations of numbers.',
    accepts: 'number',
    gives: 'conversation',
    options: z.strictObject({ where: z.string().optional() }),
    create: ({ where }) => {
      if (where === '((') throw new EtlError('ETL_EXPRESSION_INVALID', 'expected an expression at character 3');
      return syncTransform<unknown, unknown>({ name: 'to-chats' }, () => (batch) => batch);
    },
  }),
  defineSink({
    type: 'keep-chats',
    summary: 'Takes conversations.',
    accepts: 'conversation',
    options: z.strictObject({}),
    create: () => ({ role: 'sink', name: 'keep-chats', write: async function* () {} }),
  }),
  defineSink({
    type: 'drop',
    summary: 'Takes anything.',
    accepts: 'any',
    options: z.strictObject({ limit: z.number().optional(), key: z.string().min(3).meta({ secret: true }).optional() }),
    create: () => ({ role: 'sink', name: 'drop', write: async function* () {} }),
  }),
];
