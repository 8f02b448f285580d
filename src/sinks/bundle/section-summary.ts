import type { BundleCounts } from '../../formats/bundle.ts';

/** The text of a folder's `summary.json`. `userId` is null for the one folder of all users. */
export function sectionSummary({
  exportedAt,
  userId,
  email,
  counts,
}: {
  readonly exportedAt: string;
  readonly userId: string | null;
  readonly email: string | null;
  readonly counts: BundleCounts;
}): string {
  const summary = {
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
  return `${JSON.stringify(summary, null, 2)}\n`;
}
