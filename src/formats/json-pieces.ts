import { randomUUID } from 'node:crypto';

// UTF-16 units: what is longer is written piece by piece.
const longText = 1024 * 1024;
const pieceUnits = 64 * 1024;

/** Bytes of JSON text from which on a record is not made one text: it would be in memory several times. */
export const largeRecord = 4 * 1024 * 1024;

/**
 * The JSON text of a value, as `JSON.stringify` gives it, in pieces: strings beyond a million letters are never in it as a
 * whole. Slower than that, and without the several copies of a large value that it makes on its way.
 *
 * Nothing for what has no JSON form (undefined, a function, a symbol).
 *
 * @throws {TypeError} as `JSON.stringify` does: for a bigint, a cycle.
 */
export function jsonPieces(value: unknown): Iterable<string> | undefined {
  const mark = randomUUID();
  const long: string[] = [];
  const replaced: unknown = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'string' || inner.length <= longText) return inner;
    long.push(inner);
    return mark;
  });
  return typeof replaced === 'string' ? filledIn(replaced.split(mark), long) : undefined;
}

function* filledIn(between: readonly string[], long: readonly string[]): Generator<string> {
  for (const [place, text] of between.entries()) {
    if (place > 0) yield* escapedPieces(long[place - 1] ?? '');
    yield text;
  }
}

function* escapedPieces(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    let to = Math.min(from + pieceUnits, text.length);
    // The halves of a surrogate pair stay together: alone they would be escaped.
    if (to < text.length && (text.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
    from = to;
  }
}
