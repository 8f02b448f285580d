import { z } from 'zod';

/** The option of transforms that can work in threads. */
export const workersOption = z
  .int()
  .nonnegative()
  .max(64)
  .default(0)
  .describe(
    'Threads to work in, batch by batch and in order; 0: in the one that reads and writes. For work that takes longer than ' +
      'parsing and writing the records once more.',
  );
