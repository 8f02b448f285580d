/**
 * Gives what `begin` makes of a stream's values, in their order, while work on the next ones is under way. No more are begun
 * once `isEnough` says so of those whose results have not been given. What breaks comes behind what was begun before it.
 */
export async function* workAhead<In, Out>(
  input: AsyncIterable<In>,
  begin: (one: In) => Promise<Out>,
  isEnough: (begun: readonly In[]) => boolean,
): AsyncGenerator<Out> {
  const begun: In[] = [];
  const results: Promise<Out>[] = [];
  const next = async (): Promise<Out> => {
    const result = await results.shift();
    begun.shift();
    // One for each that was begun.
    return result as Out;
  };
  const iterator = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      let read: IteratorResult<In>;
      try {
        read = await iterator.next();
      } catch (error) {
        while (results.length > 0) yield await next();
        throw error;
      }
      if (read.done === true) break;
      const result = begin(read.value);
      // Thrown where its turn comes; until then it is not unhandled.
      result.catch(() => undefined);
      begun.push(read.value);
      results.push(result);
      while (results.length > 0 && isEnough(begun)) yield await next();
    }
    while (results.length > 0) yield await next();
  } finally {
    await iterator.return?.();
  }
}
