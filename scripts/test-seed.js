// Loaded before each test file of `npm test`: property tests try the same inputs each time, so that a change is judged by
// what it changes and not by chance. `ETL_TEST_SEED=random npm test` tries others, a number those of a failure.
// JavaScript, since the threads that tests start load it as well, without anything that strips types.
import { isMainThread } from 'node:worker_threads';

const seed = process.env['ETL_TEST_SEED'] ?? '20200420';

if (isMainThread && seed !== 'random') {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: Number(seed) });
}
