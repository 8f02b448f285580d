import type { Document, ObjectId } from 'bson';
import type { Clock } from './clock.ts';
import type { Recorder } from './manifest.ts';
import type { Random } from './random.ts';
import type { TextMaker } from './text-maker.ts';

/** What to generate. The same options give the same records, byte for byte. */
export interface GenerateOptions {
  readonly seed: number;
  /** Ordinary chats and scenarios planned; a scenario may make a few conversations, so see the manifest for counts. */
  readonly conversations: number;
  /** Default 40. */
  readonly users?: number;
  /** Plants every damage kind, each in one conversation of a thousand and at least once. Default false. */
  readonly damage?: boolean;
  /** Values some servers refuse (Decimal128, NaN, nested arrays, keys with `$`). Default: as `damage`. */
  readonly exotic?: boolean;
  /** Also yield the bytes of uploads. Default true. */
  readonly binaries?: boolean;
  /** Multiplies text lengths; 1 is what production databases hold. Default 1. */
  readonly textScale?: number;
  /** Most turns in an ordinary chat. Default 400. */
  readonly maxTurns?: number;
  /** Adds this many messages of about `bytes` bytes each, spread over the chats. */
  readonly big?: { readonly count: number; readonly bytes: number };
}

export type ResolvedOptions = Required<Omit<GenerateOptions, 'big'>> & Pick<GenerateOptions, 'big'>;

/** One document of a collection, in insertion order, or one file under the directory that holds uploads and images. */
export type GeneratedRecord = GeneratedDocument | GeneratedBinary;
export interface GeneratedDocument {
  readonly collection: string;
  readonly document: Document;
}
export interface GeneratedBinary {
  /** Relative, with `/`: `uploads/<userId>/<name>`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Which LibreChat wrote a document: field sets and their order differ. `imported` is a bulk write before late 2025. */
export type Era = 'classic' | 'agents' | 'current' | 'imported';

export interface Owner {
  readonly id: ObjectId;
  readonly hex: string;
  readonly email: string;
  readonly agentId: string;
  readonly projectId: ObjectId;
  /** What the closing documents of an owner count. */
  readonly tagCounts: Record<string, number>;
  projectChats: number;
}

/** One message to be; ids and parents are known before its time and text are. */
export interface MessagePlan {
  readonly messageId: string;
  /** As stored; `undefined` leaves the field out. */
  parentId: string | null | undefined;
  readonly isUser: boolean;
  /** Fields to set or (when `undefined`) to leave out. */
  set?: Document;
  /** Records that come with the message (files), made at its time. */
  attach?: (chat: Chat, timeMs: number) => { readonly set: Document; readonly records: readonly GeneratedRecord[] };
  /** Last word on what is stored: none, the document, or several. */
  finish?: (document: Document, chat: Chat) => readonly Document[];
  /** Bytes to add as a tool's output. */
  bigBytes?: number;
}

/** One conversation while it is generated. */
export interface Chat {
  readonly owner: Owner;
  readonly era: Era;
  readonly endpoint: string;
  readonly model: string;
  readonly agentId: string | undefined;
  readonly conversationId: string;
  readonly messages: MessagePlan[];
  /** No random extras, so that a scenario's counts stay exact. */
  readonly isPlain: boolean;
  /** Written in one go, not interleaved with other chats. */
  atOnce: boolean;
  /** Conversation fields to set or (when `undefined`) to leave out. */
  set: Document;
  finish?: (document: Document, chat: Chat) => readonly Document[];
  /** Position of the next message to write. */
  next: number;
  /** What was written, by position in `messages`. */
  readonly stored: { readonly id: ObjectId; readonly timeMs: number }[];
  readonly fileIds: string[];
  readonly openedMs: number;
}

/** Everything the parts of the generator share. */
export interface World {
  readonly random: Random;
  readonly text: TextMaker;
  readonly clock: Clock;
  readonly objectId: (timeMs: number) => ObjectId;
  readonly record: Recorder;
  readonly owners: readonly Owner[];
  /** Owns data, but is not in `users` any more. */
  readonly deletedOwner: Owner;
  /** Most time between two messages. */
  readonly paceMs: number;
  readonly options: ResolvedOptions;
}
