/** What a function gave for a record, or threw. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** What a function gives for each record, one after the other. A promise is awaited; what needs none costs none. */
export async function outcomesOf<In, Out>(
  records: readonly In[],
  change: (record: In) => Out | Promise<Out>,
): Promise<Outcome<Out>[]> {
  const outcomes: Outcome<Out>[] = [];
  for (const record of records) {
    try {
      const value = change(record);
      outcomes.push({ value: value instanceof Promise ? await value : value });
    } catch (error) {
      outcomes.push({ error });
    }
  }
  return outcomes;
}

/** The value, or the error thrown again. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
