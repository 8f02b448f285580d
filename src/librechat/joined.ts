import type { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Document } from '../models/extended-json.ts';

interface Joined {
  readonly key: Buffer;
  /** Bytes of JSON text in it. */
  readonly bytes: number;
  readonly userId: string;
  /** As much of the owner's document as chats need; null when there is none. */
  readonly user: Document | null;
}

/** A user, and what is theirs besides chats: before their chats. */
export interface JoinedUser extends Joined {
  readonly kind: 'user';
  /** Their whole document. */
  readonly document: Buffer | undefined;
  readonly related: readonly { readonly name: string; readonly texts: readonly Buffer[] }[];
  /** Documents of their files that no chat names. */
  readonly files: readonly Buffer[];
}

/** Documents of one owner and conversation id. */
export interface JoinedChats extends Joined {
  readonly kind: 'chats';
  readonly conversationId: string | null;
  readonly conversations: readonly Buffer[];
  readonly messages: readonly Buffer[];
  readonly files: readonly Buffer[];
  /** Documents that cannot be read, to be told with the chat they belong to. */
  readonly rejected?: readonly RejectedDocument[] | undefined;
  /** Says that the documents of these chats and all before them are not looked at any more: their memory is used again. */
  readonly release?: (() => void) | undefined;
}

/** Chats of which messages are still to be read. */
export interface AwaitedChats extends JoinedChats {
  /** How many. */
  readonly awaited: number;
}

/** A document that cannot be read: as much of it as is known, and why. */
export interface RejectedDocument {
  /** Which of the documents that came together it is. */
  readonly document: number;
  readonly record: Json;
  readonly cause: EtlError;
  readonly at: string;
}
