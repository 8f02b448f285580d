import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import { asConversation, type Conversation, type FileRecord, type Message } from '../models/conversation.ts';
import { listOf, type Document } from '../models/extended-json.ts';
import { librechatToConversation } from './librechat-to-conversation.ts';
import type { Loss } from './loss.ts';

/** What a bundle knows of a file besides what its chats say: its manifest's entry, with `copied_rel_path` from the bundle's top. */
export interface BundledFile {
  readonly metadata: Document;
  readonly sha256: string | null;
  readonly path: string | null;
  readonly bytes: number | null;
}

/** What a line cannot say by itself. */
export interface BundleSurroundings {
  /** Entries of the files' manifest with this `file_id`. */
  readonly filesOf: (fileId: string) => readonly BundledFile[];
  /** The user's line in `users.jsonl`; null in bundles of other tools. */
  readonly user: Document | null;
  /** What a project is called: chats name it by its id only. */
  readonly projectName?: ((id: string) => string | undefined) | undefined;
}

/**
 * The conversation in a line of a bundle, ours or another tool's.
 *
 * A line that was made from a conversation gives that conversation; one that holds LibreChat's documents gives what the
 * documents give. Files get their digest and their place in the bundle, relative to it.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for what is no line of a bundle.
 */
export function bundleToConversation(
  line: unknown,
  around: BundleSurroundings,
): { readonly conversation: Conversation; readonly losses: readonly Loss[] } {
  const { conversation, messages, threadmill, user_email: email, file_ids: fileIds, missing } = asLine(line);
  if (threadmill?.['form'] === 'conversation') {
    const record = fromConversation(conversation, messages);
    return { conversation: { ...record, files: record.files.map((file) => withPlace(file, around)) }, losses: [] };
  }
  const userId = textOr(threadmill?.['user_id'], textOr(conversation?.['user'], textOr(messages[0]?.['user'], '')));
  const conversationId = textOr(conversation?.['conversationId'], textOr(messages[0]?.['conversationId'], ''));
  const user = around.user ?? (email === null ? null : { _id: userId, email });
  // What the manifest says of a file without a document is a message's snapshot.
  const stored = [...new Set(fileIds)].filter((id) => !missing.has(id));
  const files = stored.flatMap((id) => around.filesOf(id).map(({ metadata }) => metadata));
  const copies = listOf(threadmill?.['copies'])?.filter(isDocument) ?? [];
  const chat = {
    userId,
    conversationId: conversationId === '' ? null : conversationId,
    user,
    conversation,
    copies,
    messages,
    files,
  };
  const result = librechatToConversation(chat);
  const placed = result.conversation.files.map((file) => withPlace(file, around));
  const named = { ...result.conversation, files: placed, project: withName(result.conversation.project, around) };
  return { conversation: named, losses: result.losses };
}

function withName(project: Conversation['project'], { projectName }: BundleSurroundings): Conversation['project'] {
  const name = project === null ? undefined : projectName?.(project.id);
  return project === null || name === undefined ? project : { ...project, name };
}

interface Line {
  readonly user_email: string | null;
  readonly conversation: Document | null;
  readonly messages: readonly Document[];
  readonly file_ids: readonly string[];
  /** Ids of files that have no document. */
  readonly missing: ReadonlySet<unknown>;
  readonly threadmill: Document | undefined;
}

function asLine(line: unknown): Line {
  if (!isDocument(line) || !Array.isArray(line['messages']) || !('conversation' in line)) {
    throw new EtlError(
      'ETL_RECORD_INVALID',
      'expected a line of a bundle: an object with "conversation" and "messages"',
    );
  }
  const { user_email: email, conversation, messages, file_ids: fileIds, missing_file_ids: missing, threadmill } = line;
  return {
    user_email: typeof email === 'string' ? email : null,
    conversation: isDocument(conversation) ? conversation : null,
    messages: (messages as readonly unknown[]).filter(isDocument),
    file_ids: Array.isArray(fileIds) ? (fileIds as readonly unknown[]).filter((id) => typeof id === 'string') : [],
    missing: new Set(Array.isArray(missing) ? (missing as readonly unknown[]) : []),
    threadmill: isDocument(threadmill) ? threadmill : undefined,
  };
}

/** What `conversationToBundle` took apart. */
function fromConversation(document: Document | null, messages: readonly Document[]): Conversation {
  const rest = document?.['threadmill'];
  if (!isDocument(rest))
    throw new EtlError('ETL_RECORD_INVALID', 'expected the conversation under "conversation.threadmill"');
  // Written by conversationToBundle; asConversation looks at what stages rely on.
  return asConversation({ ...rest, messages: messages.map(toMessage) });
}

function toMessage(document: Document): Message {
  const { text, createdAt, sender, model, unfinished, error, threadmill } = document;
  if (!isDocument(threadmill)) throw new EtlError('ETL_RECORD_INVALID', 'expected the message under "threadmill"');
  return {
    parts: [{ type: 'text', text }],
    ...threadmill,
    createdAt,
    ...(sender !== undefined && { name: sender }),
    ...(model !== undefined && { model }),
    ...(unfinished === true && { unfinished }),
    ...(error === true && { failed: error }),
    // Written by conversationToBundle from a message.
  } as unknown as Message;
}

function withPlace(file: FileRecord, { filesOf }: BundleSurroundings): FileRecord {
  const found = filesOf(file.id).find(({ sha256, path }) => sha256 !== null || path !== null);
  if (found === undefined) return file;
  const { sha256, path, bytes } = found;
  const { unavailable: _, ...known } = file;
  return {
    ...known,
    ...(sha256 !== null && { sha256 }),
    ...(path !== null && { paths: [path] }),
    ...(bytes !== null && { bytes }),
  };
}

function isDocument(value: unknown): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOr(value: unknown, otherwise: string): string {
  if (typeof value === 'string') return value;
  if (isDocument(value) && typeof value['$oid'] === 'string') return value['$oid'];
  return otherwise;
}
