import { CommandError } from './store.ts';

/** Errors a server answers with, by name. */
const serverErrors = {
  'cursor-not-found': [43, 'CursorNotFound'],
  'not-primary': [10107, 'NotWritablePrimary'],
  'shutting-down': [11600, 'InterruptedAtShutdown'],
  'exceeded-time-limit': [262, 'ExceededTimeLimit'],
  'max-time-expired': [50, 'MaxTimeMSExpired'],
  unauthorized: [13, 'Unauthorized'],
  'authentication-failed': [18, 'AuthenticationFailed'],
  'bad-value': [2, 'BadValue'],
  'plan-killed': [175, 'QueryPlanKilled'],
} as const;

/**
 * What can go wrong with a reply.
 *
 * - `close`, `reset`: the connection ends in the place of a reply, in order or not
 * - `cut`: it ends in the middle of the reply
 * - `wrong-length`, `short-length`: the reply's header tells a length that cannot be, below zero or too small
 * - `stall`: the reply never comes
 * - a function: runs before the command does, and may wait: for data that changes between two pages, or a slow server
 */
export type Fault =
  | keyof typeof serverErrors
  | 'close'
  | 'reset'
  | 'cut'
  | 'wrong-length'
  | 'short-length'
  | 'stall'
  | (() => void | Promise<void>);

interface Planned {
  readonly fault: Fault;
  readonly command: string;
  first: number;
  left: number;
}

/** Faults that wait for their reply. */
export class FaultPlan {
  readonly #planned: Planned[] = [];

  /** At the `at`-th reply to `command` from now on (the next is 1), and at the ones after it up to `times` in all. */
  add(
    fault: Fault,
    { command = 'find', at = 1, times = 1 }: { command?: string; at?: number; times?: number } = {},
  ): void {
    this.#planned.push({ fault, command, first: at, left: times });
  }

  clear(): void {
    this.#planned.length = 0;
  }

  take(command: string): Fault | undefined {
    let due: Planned | undefined;
    for (const planned of this.#planned) {
      if (planned.command !== command) continue;
      planned.first -= 1;
      if (planned.first <= 0 && planned.left > 0) due ??= planned;
    }
    if (due === undefined) return undefined;
    due.left -= 1;
    return due.fault;
  }
}

/** The error to answer with; nothing when the fault is of another kind. */
export function serverError(fault: Fault | undefined): CommandError | undefined {
  if (typeof fault !== 'string' || !(fault in serverErrors)) return undefined;
  const [code, codeName] = serverErrors[fault as keyof typeof serverErrors];
  return new CommandError(code, codeName);
}
