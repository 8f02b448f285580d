import { z } from 'zod';

import { THREAD_BUNDLE_SCHEMA } from './langgraph.ts';

/** A thread in a bundle's index. The digest is of its lines, each with its line feed. */
export const threadIndexEntry = z.object({
  thread_id: z.string(),
  records: z.int().nonnegative(),
  checkpoints: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  sha256: z.string(),
});
export type ThreadIndexEntry = Readonly<z.output<typeof threadIndexEntry>>;

/** What proves a bundle of threads whole: how much is in it, and the digests of its two files. */
export const threadBundleManifest = z.object({
  schema: z.literal(THREAD_BUNDLE_SCHEMA),
  source: z.string().nullable(),
  counts: z.object({
    threads: z.int().nonnegative(),
    records: z.int().nonnegative(),
    checkpoints: z.int().nonnegative(),
  }),
  files: z.array(
    z.object({
      // Of a file in the folder itself: a manifest must not lead anywhere else.
      name: z.string().regex(/^[\w-][\w.-]*$/),
      sha256: z.string(),
      bytes: z.int().nonnegative(),
    }),
  ),
});
export type ThreadBundleManifest = z.output<typeof threadBundleManifest>;
