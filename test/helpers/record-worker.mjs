// The thread that works on records, run from sources: workers do not inherit the loader that strips the types.
import { register } from 'tsx/esm/api';

register();
await import('../../src/workers/record-worker.ts');
