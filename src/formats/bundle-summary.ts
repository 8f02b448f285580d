import { z } from 'zod';

import type { BundleCounts } from './bundle.ts';

const byKind = z.record(z.string(), z.number());
const schema = z.object({
  exported_at: z.string(),
  /** In the one folder of all users. */
  users: z.number().optional(),
  /** In the folder of one. */
  user_email: z.string().nullish(),
  user_id: z.string().optional(),
  conversation_count: z.number(),
  message_count: z.number(),
  file_count: z.number(),
  files_copied: z.number(),
  file_bytes: z.number(),
  missing_file_count: z.number(),
  branch_points: z.number(),
  orphans: z.number(),
  empty_conversations: z.number(),
  repairs: byKind,
  losses: byKind,
});

/** A folder's `summary.json`. */
export type BundleSummary = Readonly<z.infer<typeof schema>>;

/** What a folder's summary says. `userId` is null for the one folder of all users. */
export function bundleSummary({
  exportedAt,
  userId,
  email,
  counts,
}: {
  readonly exportedAt: string;
  readonly userId: string | null;
  readonly email: string | null;
  readonly counts: BundleCounts;
}): BundleSummary {
  return {
    exported_at: exportedAt,
    ...(userId === null ? { users: counts.users } : { user_email: email, user_id: userId }),
    conversation_count: counts.conversations,
    message_count: counts.messages,
    file_count: counts.files,
    files_copied: counts.filesCopied,
    file_bytes: counts.fileBytes,
    missing_file_count: counts.missingFiles,
    branch_points: counts.branchPoints,
    orphans: counts.orphans,
    empty_conversations: counts.empty,
    repairs: counts.repairs,
    losses: counts.losses,
  };
}

/** The counts in it. */
export function summaryCounts(summary: BundleSummary): Omit<BundleCounts, 'users'> {
  return {
    conversations: summary.conversation_count,
    messages: summary.message_count,
    branchPoints: summary.branch_points,
    orphans: summary.orphans,
    empty: summary.empty_conversations,
    files: summary.file_count,
    filesCopied: summary.files_copied,
    fileBytes: summary.file_bytes,
    missingFiles: summary.missing_file_count,
    repairs: summary.repairs,
    losses: summary.losses,
  };
}

/** The summary in a text; nothing when it is none. */
export function parseBundleSummary(text: string): BundleSummary | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
