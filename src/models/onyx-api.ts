import { z } from 'zod';

/**
 * What Onyx's API answers, as far as it is used: more fields do no harm.
 *
 * @see Onyx at a7d66a8b778c (2026-08) `server/manage/users.py`, `server/features/projects`, `server/features/persona`
 */
export const onyxApiUser = z.object({ id: z.string().optional(), email: z.string() });
export type OnyxApiUser = z.infer<typeof onyxApiUser>;

/** A page of accounts. */
export const onyxApiUserPage = z.object({ items: z.array(onyxApiUser), total_items: z.int() });

/** All accounts at once, and people who are invited or known from Slack: what releases before the pages have. */
export const onyxApiAllUsers = z.object({
  accepted: z.array(onyxApiUser),
  slack_users: z.array(onyxApiUser).default([]),
});

/** What becomes of an uploaded file: it is ready when it is completed or skipped (kept, and not searched). */
export const onyxApiFile = z.object({
  /** The `user_file`. */
  id: z.string(),
  /** The `file_record`, which messages name. */
  file_id: z.string(),
  name: z.string(),
  status: z.string(),
  /** How chats treat it: `image`, `document`, `plain_text`, `tabular` (`csv` in older releases). */
  chat_file_type: z.string(),
});
export type OnyxApiFile = z.infer<typeof onyxApiFile>;

/** The answer to an upload, which is HTTP 200 also when nothing was taken. */
export const onyxApiUpload = z.object({
  user_files: z.array(onyxApiFile).default([]),
  rejected_files: z.array(z.object({ file_name: z.string(), reason: z.string() })).default([]),
  // Until 2.6.
  non_accepted_files: z.array(z.string()).default([]),
  unsupported_files: z.array(z.string()).default([]),
});

export const onyxApiPersona = z.object({ id: z.int(), name: z.string() });
export type OnyxApiPersona = z.infer<typeof onyxApiPersona>;

export const onyxApiProject = z.object({ id: z.int(), name: z.string() });
export type OnyxApiProject = z.infer<typeof onyxApiProject>;
