import { z } from 'zod';

/** Options that every sink into a file has, with the same names and defaults. */
export const compress = z
  .enum(['none', 'gzip'])
  .default('none')
  .describe('`gzip`: independent blocks of about half a megabyte of text, together one gzip file.');

export const level = z
  .int()
  .min(1)
  .max(9)
  .default(1)
  .describe('How hard gzip tries: 1 is fast, 9 makes files about a fifth smaller at several times the cost.');

export const commitEvery = z
  .int()
  .positive()
  .default(64 * 1024 * 1024)
  .describe('Bytes read between two commits. A killed run repeats at most this much.')
  .meta({ examples: [16 * 1024 * 1024] });

/** The gzip level to write with; nothing for a plain file. */
export function gzipLevelOf(compression: 'none' | 'gzip', gzipLevel: number): number | undefined {
  return compression === 'gzip' ? gzipLevel : undefined;
}
