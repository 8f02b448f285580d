import { hash } from 'node:crypto';

/** The version of the layout below. A change that old readers would misread gets the next number. */
export const BUNDLE_SCHEMA = 'threadmill/bundle@1';

/** Names of the files at the top of a bundle. */
export const MANIFEST_FILE = 'MANIFEST.json';
export const CHECKSUMS_FILE = 'checksums.sha256';
export const USERS_FILE = 'users.jsonl';
export const INDEX_FILE = 'conversations.index.jsonl';
export const REMOVED_FILE = 'removed.jsonl';
/** Names of the files in a user's folder; `.gz` is added to the `.jsonl` files of a compressed bundle. */
export const SUMMARY_FILE = 'summary.json';
export const CONVERSATIONS_FILE = 'conversations.jsonl';
export const FILES_MANIFEST_FILE = 'files_manifest.jsonl';
export const FILES_FOLDER = 'files';

/** What a bundle, or one user's folder of it, holds. */
export interface BundleCounts {
  readonly users: number;
  readonly conversations: number;
  readonly messages: number;
  /** Messages with more than one answer. */
  readonly branchPoints: number;
  /** Groups of messages whose conversation is gone. */
  readonly orphans: number;
  /** Conversations without messages. */
  readonly empty: number;
  /** Files in the manifests. */
  readonly files: number;
  /** Of these, how many have their bytes in the bundle, once or as another name of the same bytes. */
  readonly filesCopied: number;
  /** Bytes of files in the bundle, equal contents counted once. */
  readonly fileBytes: number;
  /** File ids that chats name and nothing else is known of. */
  readonly missingFiles: number;
  readonly repairs: Readonly<Record<string, number>>;
  /** What could not be kept or was left out on purpose, by kind. */
  readonly losses: Readonly<Record<string, number>>;
}

export const noBundleCounts: BundleCounts = {
  users: 0,
  conversations: 0,
  messages: 0,
  branchPoints: 0,
  orphans: 0,
  empty: 0,
  files: 0,
  filesCopied: 0,
  fileBytes: 0,
  missingFiles: 0,
  repairs: {},
  losses: {},
};

/** The sum of two counts. */
export function addBundleCounts(a: BundleCounts, b: Partial<BundleCounts>): BundleCounts {
  const plus = (name: Exclude<keyof BundleCounts, 'repairs' | 'losses'>): number => a[name] + (b[name] ?? 0);
  return {
    users: plus('users'),
    conversations: plus('conversations'),
    messages: plus('messages'),
    branchPoints: plus('branchPoints'),
    orphans: plus('orphans'),
    empty: plus('empty'),
    files: plus('files'),
    filesCopied: plus('filesCopied'),
    fileBytes: plus('fileBytes'),
    missingFiles: plus('missingFiles'),
    repairs: addByKind(a.repairs, b.repairs),
    losses: addByKind(a.losses, b.losses),
  };
}

/** `MANIFEST.json`: written last; without it a bundle is not whole. */
export interface BundleManifest {
  readonly schema: typeof BUNDLE_SCHEMA;
  readonly exported_at: string;
  /** `full`, or `delta`: what changed since the bundle named in `since`. */
  readonly kind: 'full' | 'delta';
  readonly since?: { readonly exported_at: string; readonly index_sha256: string };
  /** One folder for each user, or one for all. */
  readonly layout: 'users' | 'single';
  readonly compress: 'none' | 'gzip';
  /** What was asked for, in the source's words: for reading the same again. */
  readonly scope?: unknown;
  readonly counts: BundleCounts;
  /** The files that hold the digests of all others. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A line of `conversations.index.jsonl`: where a chat is and what its content's digest was. In the order of the bundle. */
export interface BundleIndexEntry {
  readonly user: string;
  readonly key: string;
  readonly conversation_id: string | null;
  readonly updated_at: string | null;
  readonly messages: number;
  readonly digest: string;
  /** The folder's name, `.` for the bundle itself; null in a delta for a chat that is as it was. */
  readonly folder: string | null;
  /** Where its line is in the folder's conversations, decompressed, and how long it is without its line feed. */
  readonly offset: number;
  readonly bytes: number;
}

/** A line of `files_manifest.jsonl`. */
export interface BundleFileEntry {
  readonly file_id: string;
  readonly key: string;
  readonly metadata: unknown;
  /** Where its bytes were found, below the folders of uploads. */
  readonly source_path: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Where its bytes are, relative to the manifest's folder; several entries with the same bytes share one place. */
  readonly copied_rel_path: string | null;
  readonly copied: boolean;
  /** Why there are no bytes. */
  readonly errors: readonly string[];
}

/** The order of a bundle: by owner, then by key, as UTF-8. */
export function compareBundleOrder(
  a: Pick<BundleIndexEntry, 'user' | 'key'>,
  b: Pick<BundleIndexEntry, 'user' | 'key'>,
): number {
  return compareUtf8(a.user, b.user) || compareUtf8(a.key, b.key);
}

/** The order of two texts by their UTF-8 bytes, which is that of their code points. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  // UTF-16 order differs from that of code points only where surrogates meet U+E000 to U+FFFF.
  return /[\ud800-\uffff]/.test(a) || /[\ud800-\uffff]/.test(b)
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : a < b
      ? -1
      : 1;
}

/**
 * A folder's name for a user: the e-mail in lower case with `_` for what is not a letter, digit, dot, dash or underscore.
 * Different users can get the same one; {@link distinctName} tells them apart.
 */
export function userSlug(user: { readonly id: string; readonly email: string | null }): string {
  const wanted = user.email ?? (user.id === '' ? 'no-owner' : `user-${user.id}`);
  const slug = wanted
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '')
    .slice(0, 80);
  return slug === '' || reservedNames.has(slug) ? `user_${slug}` : slug;
}

/** `name` with a short digest of `key` behind it. */
export function distinctName(name: string, key: string): string {
  return `${name}-${hash('sha256', key).slice(0, 8)}`;
}

/**
 * A name for a file or folder that every file system takes: without separators, control characters or what Windows refuses,
 * at most 180 bytes of UTF-8, the ending kept.
 */
export function safeFileName(name: string): string {
  const clean = name
    .replaceAll(/[\u0000-\u001f\u007f<>:"/\\|?*\u2028\u2029]+/g, '_')
    .replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '_')
    .replace(/^\.+/, '_')
    .replace(/[. ]+$/, '');
  if (clean === '') return 'unnamed';
  if (Buffer.byteLength(clean) <= maxNameBytes) return clean;
  const ending = /\.[A-Za-z0-9]{1,10}$/.exec(clean)?.[0] ?? '';
  let head = clean.slice(0, maxNameBytes - ending.length);
  while (Buffer.byteLength(head) + ending.length > maxNameBytes) head = head.slice(0, -1);
  return head.replace(/[\ud800-\udbff]$/, '') + ending;
}

const maxNameBytes = 180;
/** Names of files at the top of a bundle, lower case, that a user's folder must not have. */
const reservedNames = new Set([
  MANIFEST_FILE.toLowerCase(),
  CHECKSUMS_FILE,
  USERS_FILE,
  INDEX_FILE,
  REMOVED_FILE,
  `${USERS_FILE}.gz`,
  FILES_FOLDER,
]);

function addByKind(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const kinds = Object.entries(b);
  if (kinds.length === 0) return a;
  const sum = { ...a };
  for (const [kind, count] of kinds) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}
