// Loaded before each test file of `npm test`: property tests try the same inputs each time, so that a change is judged by
// what it changes and not by chance. `ETL_TEST_SEED=random npm test` tries others, a number those of a failure.
import fc from 'fast-check';

const seed = process.env['ETL_TEST_SEED'] ?? '20200420';

if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });
