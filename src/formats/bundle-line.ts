import { BUNDLE_SCHEMA } from './bundle.ts';
import { asBuffer } from './json-records.ts';

const OPEN = Buffer.from('{');
const COMMA = Buffer.from(',');
const NULL = Buffer.from('null');
const MESSAGES = Buffer.from(',"messages":[');
const COPIES = Buffer.from(',"copies":[');
const CLOSE_LIST = Buffer.from(']');
const CLOSE = Buffer.from('}}');

/** Whose messages hang together how, in the words of the tools that read bundles. */
export interface BundleBranching {
  readonly has_branching: boolean;
  readonly branch_points: readonly string[];
  readonly missing_parent_ids: readonly string[];
}

/** Our own part of a bundle's line, under `threadmill`. */
export interface BundleAddition {
  readonly key: string;
  readonly user_id: string;
  readonly conversation_id: string | null;
  /** Digest of the chat's content: see `chatDigest`. */
  readonly digest: string;
  readonly active_leaf: string | null;
  /** Anything else: the tree, what was repaired, what is left out. */
  readonly [name: string]: unknown;
}

/** What a line is put together from. JSON texts are UTF-8 and on one line. */
export interface BundleLineParts {
  readonly userEmail: string | null;
  /** JSON text of the conversation; null for messages whose conversation is gone. */
  readonly conversation: Uint8Array | null;
  /** Further documents of the same conversation, where a database without unique indexes holds several. */
  readonly copies?: readonly Uint8Array[] | undefined;
  /** JSON texts of the messages, in the order they are shown in. */
  readonly messages: readonly Uint8Array[];
  readonly fileIds: readonly string[];
  readonly missingFileIds: readonly string[];
  readonly branching: BundleBranching;
  readonly addition: BundleAddition;
}

/**
 * A line of `conversations.jsonl` without `exported_at` and without its line feed, as pieces one after the other: a long document
 * is one of them as it was given, everything else is put together.
 */
export function composeBundleLine(parts: BundleLineParts): Buffer[] {
  return gathered(bundleLinePieces(parts));
}

/** The same, every document as it was given: for who puts the pieces together anyway. */
export function bundleLinePieces(parts: BundleLineParts): Uint8Array[] {
  const { userEmail, conversation, copies = [], messages, fileIds, missingFileIds, branching, addition } = parts;
  const rest = {
    message_count: messages.length,
    file_ids: fileIds,
    missing_file_ids: missingFileIds,
    branching,
    threadmill: { schema: BUNDLE_SCHEMA, ...addition },
  };
  // Ends with the braces of `threadmill` and of the line: the copies, which are JSON text already, go before them.
  const text = JSON.stringify(rest);
  const pieces: Uint8Array[] = [Buffer.from(`{"user_email":${JSON.stringify(userEmail)},"conversation":`)];
  pieces.push(conversation ?? NULL, MESSAGES);
  pushSeparated(pieces, messages);
  pieces.push(Buffer.from(`],${text.slice(1, -2)}`));
  if (copies.length > 0) {
    pieces.push(COPIES);
    pushSeparated(pieces, copies);
    pieces.push(CLOSE_LIST);
  }
  pieces.push(CLOSE);
  return pieces;
}

function gathered(pieces: readonly Uint8Array[]): Buffer[] {
  const all: Buffer[] = [];
  let from = 0;
  for (const [place, piece] of pieces.entries()) {
    if (piece.length < longBytes) continue;
    all.push(Buffer.concat(pieces.slice(from, place)), asBuffer(piece));
    from = place + 1;
  }
  all.push(Buffer.concat(pieces.slice(from)));
  return all;
}

/** Copying these would hold them twice. */
const longBytes = 262_144;

function pushSeparated(pieces: Uint8Array[], texts: readonly Uint8Array[]): void {
  for (const [place, text] of texts.entries()) {
    if (place > 0) pieces.push(COMMA);
    pieces.push(text);
  }
}

/** What stands before the rest of a line: `{"exported_at":"…",`. */
export function bundleLineHead(exportedAt: string): Buffer {
  return Buffer.concat([OPEN, Buffer.from(`"exported_at":${JSON.stringify(exportedAt)},`)]);
}
