import { setImmediate as nextTurn } from 'node:timers/promises';

/** What a function gave for a record, or threw. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

// How long signals and timers may wait for functions that give promises but never let go.
const turnMs = 50;

/**
 * Calls a function for each record, one after the other, and hands on what came of it before the next is begun: `take` may throw
 * to end it there. A promise is awaited; what needs none costs none.
 *
 * @throws what `take` throws, and the reason of `signal` when it fires.
 */
export async function forEachOutcome<In, Out>(
  records: readonly In[],
  change: (record: In) => Out | Promise<Out>,
  take: (outcome: Outcome<Out>, index: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let since = performance.now();
  for (const [index, record] of records.entries()) {
    let outcome: Outcome<Out>;
    let isAwaited = false;
    try {
      const value = change(record);
      isAwaited = value instanceof Promise;
      outcome = { value: value instanceof Promise ? await value : value };
    } catch (error) {
      outcome = { error };
    }
    take(outcome, index);
    if (!isAwaited || performance.now() - since < turnMs) continue;
    await nextTurn();
    signal?.throwIfAborted();
    since = performance.now();
  }
}

/** What a function gives for each record, one after the other: see {@link forEachOutcome}. */
export async function outcomesOf<In, Out>(
  records: readonly In[],
  change: (record: In) => Out | Promise<Out>,
): Promise<Outcome<Out>[]> {
  const outcomes: Outcome<Out>[] = [];
  await forEachOutcome(records, change, (outcome) => outcomes.push(outcome));
  return outcomes;
}

/** The value, or the error thrown again. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
