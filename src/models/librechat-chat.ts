import type { BundleCounts } from '../formats/bundle.ts';

/**
 * What the `librechat` source gives in its fast form and the `bundle` sink takes: a user, then that user's chats.
 *
 * Records of one user follow one another, the user's own record first; chats are in the order of their `key`, compared as
 * UTF-8. A user without chats is a record of its own.
 */
export type LibrechatRecord = LibrechatUserRecord | LibrechatChatRecord;

/** Whose it is: by the list of what may leave a LibreChat. */
export interface LibrechatUserRef {
  /** Hex of the user's `_id`; empty for documents that name nobody. */
  readonly id: string;
  /** Null when the account is gone or was never named. */
  readonly email: string | null;
  readonly name?: string | undefined;
}

/** A user with what is theirs besides chats. */
export interface LibrechatUserRecord {
  readonly type: 'user';
  readonly user: LibrechatUserRef;
  /** What may leave of the user's document, as UTF-8 JSON text of one object. */
  readonly profile: Uint8Array;
  /** Tags, projects, shared links …: each goes into a file of its name beside the chats. */
  readonly related: readonly RelatedRecords[];
  /** Files of this user that no chat is known to name. One that a chat names as well is kept once. */
  readonly files: readonly LibrechatFileRef[];
}

/** Documents of one collection that belong to a user, without secrets. */
export interface RelatedRecords {
  /** The file's name without its ending: `tags`, `projects`, `shared_links`, `presets`, `memories` … (`[a-z_]`). */
  readonly name: string;
  /** One JSON text a document, on one line, without the line's end. */
  readonly lines: readonly Uint8Array[];
}

/** One chat, ready for a bundle. */
export interface LibrechatChatRecord {
  readonly type: 'chat';
  readonly user: LibrechatUserRef;
  /** Unique in its system and the order of a user's chats: the conversation's id, or what stands for it where there is none. */
  readonly key: string;
  readonly conversationId: string | null;
  /** When the chat or one of its messages was saved last: ISO 8601. */
  readonly updatedAt: string | null;
  /** The bundle's line as UTF-8 JSON text in pieces, `exported_at` left out (see `composeBundleLine`). */
  readonly line: readonly Uint8Array[];
  readonly files: readonly LibrechatFileRef[];
  readonly counts: ChatCounts;
  /** Digest of the chat's content (see `chatDigest`), the same that is in the line. */
  readonly digest: string;
  /** The line as a value, for previews and reject files. */
  toJSON(): unknown;
}

/** What a chat adds to the counts of its bundle. */
export type ChatCounts = Pick<
  BundleCounts,
  'messages' | 'branchPoints' | 'orphans' | 'empty' | 'missingFiles' | 'repairs' | 'losses'
>;

/** A file as the database knows it. */
export interface LibrechatFileRef {
  /** Tells this document from others with the same `file_id`, which is not unique; the `file_id` itself for snapshots. */
  readonly key: string;
  readonly fileId: string;
  /** The name the user knows it by. */
  readonly name: string | null;
  /** The kind of storage: `local`, `s3` … */
  readonly storage: string | null;
  /** Where to look below the folders of uploads, most likely first. */
  readonly paths: readonly string[];
  /** Why there is nothing to look for: `providerOnly`, `textOnly`, `refused` … */
  readonly unavailable?: string | undefined;
  /**
   * The link its bytes may be fetched by, signature and all: a secret. A function, so that it is in no text that a record is
   * turned into.
   */
  readonly link?: (() => string) | undefined;
  /** The document without secrets, or the message's snapshot of it, as UTF-8 JSON text. */
  readonly metadata: Uint8Array;
}

/** True for a record of the fast form. */
export function isLibrechatRecord(record: unknown): record is LibrechatRecord {
  if (typeof record !== 'object' || record === null || !('type' in record) || !('user' in record)) return false;
  return (record.type === 'chat' && 'line' in record) || (record.type === 'user' && 'profile' in record);
}
