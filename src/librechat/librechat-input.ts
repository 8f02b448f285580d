import type { EtlError } from '../errors.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { StageContext } from '../stage.ts';
import type { RejectedDocument } from './joined.ts';

/** What else a user has, on demand: what is left of the agents, prompts and runs of tools that chats tell of. */
export const includable = ['agents', 'assistants', 'prompts', 'toolcalls', 'transactions'] as const;
export type Includable = (typeof includable)[number];

interface Related {
  /** The field that names the owner. */
  readonly owner: string;
  /** What a bundle calls it. */
  readonly name: string;
  /** What has to be asked for to get it. */
  readonly include?: Includable;
}

/** Collections beside the chats that belong to a user. New ones at the end: a run that is resumed knows them by their place. */
export const relatedCollections = {
  conversationtags: { owner: 'user', name: 'tags' },
  chatprojects: { owner: 'user', name: 'projects' },
  sharedlinks: { owner: 'user', name: 'shared_links' },
  presets: { owner: 'user', name: 'presets' },
  memoryentries: { owner: 'userId', name: 'memories' },
  agents: { owner: 'author', name: 'agents', include: 'agents' },
  assistants: { owner: 'user', name: 'assistants', include: 'assistants' },
  promptgroups: { owner: 'author', name: 'prompt_groups', include: 'prompts' },
  prompts: { owner: 'author', name: 'prompts', include: 'prompts' },
  toolcalls: { owner: 'user', name: 'tool_calls', include: 'toolcalls' },
  transactions: { owner: 'user', name: 'transactions', include: 'transactions' },
} as const satisfies Readonly<Record<string, Related>>;

export type RelatedCollection = keyof typeof relatedCollections;
export type LibrechatCollection = 'users' | 'conversations' | 'messages' | 'files' | RelatedCollection;

/** The related collections that are read: those on demand only when they are included. */
export function relatedToRead(include: readonly Includable[]): RelatedCollection[] {
  const all = Object.entries(relatedCollections) as [RelatedCollection, Related][];
  return all
    .filter(([, { include: wanted }]) => wanted === undefined || include.includes(wanted))
    .map(([name]) => name);
}

/** The collections that are read at all: nothing that holds credentials only. */
export function collectionsToRead(include: readonly Includable[]): LibrechatCollection[] {
  return ['users', 'conversations', 'messages', 'files', ...relatedToRead(include)];
}

/** Which documents are wanted. An input may give more: whoever reads it looks again. */
export interface LibrechatSelection {
  /** Ids of owners; absent: everybody's. */
  readonly userIds?: ReadonlySet<string> | undefined;
  readonly conversationId?: string | undefined;
  /** For `files`: ids that the wanted messages name. */
  readonly fileIds?: ReadonlySet<string> | undefined;
}

/** Messages of an input that finds them by their conversations. */
export interface MessagesByConversation {
  /** Where each message belongs. */
  keys(selection: LibrechatSelection, ctx: StageContext): AsyncIterable<MessageKeys>;
  /** The messages of some conversations, whoever owns them. `expected`: about how many. */
  of(
    conversationIds: readonly string[],
    expected: number,
    ctx: StageContext,
    signal: AbortSignal,
  ): AsyncIterable<FoundMessages>;
}

/** Owner and conversation of a message. */
export interface MessagePlace {
  readonly userId: string;
  readonly conversationId: string;
}

/** Where some messages belong. */
export interface MessageKeys {
  /** Of those that name no file, and are found by their conversation. */
  readonly places: readonly MessagePlace[];
  /** Of the others: documents with what their place and their files are known by. */
  readonly json: JsonRecords;
  /** No conversation's id finds those in `json`: they are there as they are. The others are read again. */
  readonly isWhole: boolean;
}

/** Documents, their JSON text, and those that have none: they are not in `json`. */
export interface FoundMessages {
  readonly documents: BsonDocuments;
  readonly json: JsonRecords;
  readonly rejected: readonly RejectedDocument[];
  /** Says that the text is not looked at any more: its memory is used again. */
  readonly release?: (() => void) | undefined;
}

/** A LibreChat's database, live or dumped: its documents as relaxed Extended JSON, the same text for the same bytes. */
export interface LibrechatInput {
  has(collection: LibrechatCollection): boolean;
  /** Documents of a collection in any order. What cannot be read is rejected. */
  read(collection: LibrechatCollection, selection: LibrechatSelection, ctx: StageContext): AsyncIterable<JsonRecords>;
  /** Where an index finds messages by their conversations: they need not be held outside of memory then. */
  readonly messages?: MessagesByConversation | undefined;
  /** Files of a dump that end too early, as far as they have been read: what came before the cut was given. */
  readonly cut: ReadonlyMap<LibrechatCollection, EtlError>;
  close(): Promise<void>;
}
