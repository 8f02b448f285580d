// The thread of a bundle export, run from sources: workers do not inherit the loader that strips the types.
import { register } from 'tsx/esm/api';

register();
await import('../../src/librechat/chat-worker.ts');
