import { BatchMemory } from '../formats/batch-memory.ts';

/** Larger memory is for one large record, and not kept. */
const mostBytes = 2 * 1024 * 1024;
/** For a batch as a rule, and what the work adds to it. */
const step = 512 * 1024;

/** Memory for the text of jobs and of their answers, which goes from one thread to another. At most so many buffers are free. */
export function jobMemory(mostKept: number): BatchMemory {
  return new BatchMemory(mostBytes, { step, mostKept });
}
