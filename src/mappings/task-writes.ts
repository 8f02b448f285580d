import type { Runtime, ThreadTask } from '../models/langgraph.ts';
import { taskError } from '../models/task-error.ts';

/** Task id, channel, value. */
export type TaskWrite = readonly [task: string, channel: string, value: unknown];

/** What a task wrote, as the checkpointer of a runtime keeps it: its results, its questions and its error. */
export function taskWrites({ id, interrupts = [], error, result }: ThreadTask, to: Runtime): readonly TaskWrite[] {
  const writes: TaskWrite[] = Object.entries(result ?? {}).map(([channel, value]) => [id, channel, value]);
  if (interrupts.length > 0) {
    // One write holds all questions of a task.
    const [only] = interrupts;
    writes.push([id, '__interrupt__', to !== 'python' && interrupts.length === 1 ? only : interrupts]);
  }
  if (error !== null && error !== undefined)
    writes.push([id, '__error__', to === 'python' ? errorText(error) : taskError(error)]);
  return writes;
}

function errorText(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error);
}
