import { z } from 'zod';

import { defaultTimeoutMs } from './expression.ts';

/** The option of transforms that evaluate an expression. */
export const expressionTimeout = z
  .int()
  .positive()
  .default(defaultTimeoutMs)
  .describe('Longest time that the expression may take for one record; past it the record is rejected.');
