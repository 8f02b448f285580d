import { gzipMember } from '../formats/compression.ts';
import { createFastGzip } from '../formats/fast-gzip.ts';
import { GzipThreads } from './gzip-threads.ts';
import type { SharedBlock } from './shared-block.ts';

/** Compresses blocks at the same time. */
export interface BlockCompressor {
  /** How many blocks it is worth giving to it before the first of them is done. */
  readonly concurrency: number;
  /**
   * A block, at the beginning of its memory, as a gzip member. It must not be changed before the member has been used: that
   * may lie behind it in the same memory.
   */
  compress(block: SharedBlock): Promise<Uint8Array>;
  /** Everything given must be done. */
  close(): Promise<void>;
}

let shared: { readonly threads: GzipThreads; users: number } | undefined;

/**
 * A compressor of one level, for one file; give it back with `close`. Level 1 is ours, in threads that all files share;
 * the others, and 1 where WebAssembly is missing, are zlib's on the thread pool.
 */
export function blockCompressor(level: number): BlockCompressor {
  return (level === 1 ? sharedThreads() : undefined) ?? zlibCompressor(level);
}

function zlibCompressor(level: number): BlockCompressor {
  // The thread pool has four threads.
  return { concurrency: 4, compress: (block) => gzipMember(block, level), close: async () => {} };
}

function sharedThreads(): BlockCompressor | undefined {
  const fast = shared === undefined ? createFastGzip() : undefined;
  if (fast !== undefined) shared = { threads: new GzipThreads(fast), users: 0 };
  const mine = shared;
  if (mine === undefined) return undefined;
  mine.users += 1;
  return {
    concurrency: mine.threads.concurrency,
    compress: (block) => mine.threads.compress(block),
    close: async () => {
      mine.users -= 1;
      if (mine.users === 0) await mine.threads.close();
    },
  };
}
