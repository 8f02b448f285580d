import { blankByteOrderMark } from './byte-order-mark.ts';
import type { BuiltChunk, ChunkLimits, Engine, JsonLinesChunk, LinePosition } from './json-chunk.ts';
import { JsonChunkBuilder } from './json-chunk-builder.ts';
import { POSITION_MASK } from './json-scan-events.ts';
import { acquireJsonScanner, releaseJsonScanner } from './json-scanner.ts';

export interface ReadJsonLinesOptions extends ChunkLimits {
  /** Where the first byte of `chunks` is in the input: the `end` of a chunk read before. Default: the beginning. */
  readonly start?: LinePosition | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: WebAssembly where it was built. Both give the same. */
  readonly engine?: Engine | undefined;
}

/**
 * Reads UTF-8 JSON lines as validated bytes, about a quarter of a megabyte at a time, without making objects.
 *
 * A byte order mark at the very beginning, `\r\n`, blank lines and white space around a value are tolerated and dropped; the
 * last line needs no line feed. A line is taken only when JSON.parse accepts it and it is UTF-8; any other is in the
 * chunk's `bad`, and reading goes on. A line over `maxLineBytes` is bad too and is never held in memory.
 *
 * Chunks are cut by what the lines are, not by how the reads were aligned: a reader started at a chunk's `end` gives the
 * same chunks from there. The given bytes are copied, so `chunks` may reuse its buffer.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadJsonLinesOptions = {},
): AsyncGenerator<JsonLinesChunk, void, undefined> {
  const { start = { offset: 0, line: 1 }, signal } = options;
  const scanner = acquireJsonScanner('lines', options.engine);
  const builder = new JsonChunkBuilder({ ...options, offset: start.offset, number: start.line, of: 'lines' });
  try {
    let offset = start.offset;
    for await (const bytes of offset === 0 ? blankByteOrderMark(chunks) : chunks) {
      signal?.throwIfAborted();
      for (let from = 0; from < bytes.length; ) {
        const to = Math.min(bytes.length, from + scanner.blockBytes);
        const events = scanner.scan(bytes, from, to);
        builder.begin(bytes, from, offset);
        for (let i = 0; i < events; i++) {
          const event = scanner.events[i] ?? 0;
          if (!builder.close(from + (event & POSITION_MASK), event >>> 30)) continue;
          const chunk = builder.take();
          if (chunk) yield named(chunk);
          signal?.throwIfAborted();
        }
        builder.flush(to);
        offset += to - from;
        from = to;
      }
    }
    if (offset > builder.valueOffset) builder.closeAtEnd(scanner.finish());
    const chunk = builder.take();
    if (chunk) yield named(chunk);
  } finally {
    releaseJsonScanner(scanner);
  }
}

function named({ json, bad, offsets, numbers, end, takeBack }: BuiltChunk): JsonLinesChunk {
  return {
    json,
    bad: bad.map(({ number, ...entry }) => ({ ...entry, line: number })),
    offsets,
    takeBack,
    lines: numbers,
    end: { offset: end.offset, line: end.number },
  };
}
