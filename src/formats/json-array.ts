import { ArrayWalker, unexpected } from './array-walker.ts';
import { blankByteOrderMark } from './byte-order-mark.ts';
import { FormatError } from './format-error.ts';
import type { ArrayPosition, BuiltChunk, ChunkLimits, Engine, JsonArrayChunk } from './json-chunk.ts';
import { JsonChunkBuilder } from './json-chunk-builder.ts';
import { POSITION_MASK, verdicts } from './json-scan-events.ts';
import { acquireJsonScanner, releaseJsonScanner } from './json-scanner.ts';

export interface SplitJsonArrayOptions extends ChunkLimits {
  /** Where the array is: names of members from the outermost object inwards, joined by points. Default: it is outermost. */
  readonly at?: string | undefined;
  /** Where the first byte of `chunks` is in the input: the `end` of a chunk read before. Default: the beginning. */
  readonly start?: ArrayPosition | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: WebAssembly where it was built. Both give the same. */
  readonly engine?: Engine | undefined;
}

const COMMA = 0x2c;
const CLOSE_ARRAY = 0x5d;

/**
 * Reads the elements of one huge JSON array as validated bytes, in flat memory and without making objects. With
 * `at: 'a.b'` it is the array at that path; other members are checked and skipped in any order and of any size, and a
 * path that occurs twice gives the elements of both.
 *
 * Elements come as single lines: white space around them is dropped, and inside them where it holds a line break. An
 * element that is not valid JSON or not UTF-8, or longer than `maxLineBytes`, is in the chunk's `bad`, and reading goes on
 * behind it as long as strings and brackets can be followed.
 *
 * Chunks are cut by what the elements are, not by how the reads were aligned: a reader started at a chunk's `end` gives
 * the same chunks from there. The given bytes are copied.
 *
 * @throws {FormatError} with the byte offset, when the input ends early, goes on behind its end, has no array at `at`, or
 *   is not JSON outside the elements. Every element before that place was given out.
 */
export async function* splitJsonArray(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: SplitJsonArrayOptions = {},
): AsyncGenerator<JsonArrayChunk, void, undefined> {
  const { at, start, signal } = options;
  const scanner = acquireJsonScanner('values', options.engine);
  const walker = new ArrayWalker(at === undefined ? [] : at.split('.'), scanner, start !== undefined);
  let offset = start?.offset ?? 0;
  // Behind the comma where reading resumes, as if the reader had come to it.
  const first = { offset: offset + 1, number: start?.index ?? 0 };
  const builder = new JsonChunkBuilder({ ...options, ...first, of: 'elements' });
  let hasElements = false;
  try {
    for await (const bytes of offset === 0 ? blankByteOrderMark(chunks) : chunks) {
      signal?.throwIfAborted();
      let p = 0;
      while (p < bytes.length) {
        if (!walker.inArray) {
          p = walker.walk(bytes, p, offset);
          hasElements = walker.isAfterComma;
          continue;
        }
        const to = Math.min(bytes.length, p + scanner.blockBytes);
        const events = scanner.scan(bytes, p, to);
        const stopped = p + scanner.stopped;
        builder.begin(bytes, p, offset + p);
        for (let i = 0; i < events; i++) {
          const event = scanner.events[i] ?? 0;
          const position = p + (event & POSITION_MASK);
          const terminator = bytes[position] ?? 0;
          const verdict = event >>> 30;
          if (terminator !== COMMA && terminator !== CLOSE_ARRAY) {
            throw unexpected(terminator, offset + position, '"," or "]" in the array');
          }
          const isNone = verdict === verdicts.empty && terminator === CLOSE_ARRAY && !hasElements;
          hasElements = terminator === COMMA;
          if (terminator === CLOSE_ARRAY) walker.arrayEnded();
          if (isNone) {
            builder.discard(position + 1);
          } else if (builder.close(position, verdict)) {
            const chunk = builder.take();
            if (chunk) yield named(chunk);
            signal?.throwIfAborted();
          }
        }
        builder.flush(stopped);
        p = stopped;
      }
      offset += bytes.length;
    }
    if (!walker.isAtEnd) throw endsEarly(walker, offset, builder.nextNumber);
    if (!walker.isFound) throw new FormatError(`there is no "${at}" in the input of ${offset} bytes`, { offset });
  } catch (error) {
    const chunk = error instanceof FormatError ? builder.take() : undefined;
    if (chunk) yield named(chunk);
    throw error;
  } finally {
    releaseJsonScanner(scanner);
  }
  const chunk = builder.take();
  if (chunk) yield named(chunk);
}

function endsEarly(walker: ArrayWalker, offset: number, element: number): FormatError {
  const where = walker.inArray ? ` inside the array, in or before element ${element}` : '';
  return new FormatError(`the input ends early, at byte ${offset}${where}`, { offset, isTruncated: true });
}

function named({ json, bad, offsets, numbers, end, takeBack }: BuiltChunk): JsonArrayChunk {
  return {
    json,
    bad: bad.map(({ number, ...entry }) => ({ ...entry, element: number })),
    offsets,
    takeBack,
    elements: numbers,
    // The comma or bracket itself: whether the array goes on is seen again on resuming.
    end: { offset: end.offset - 1, index: end.number },
  };
}
