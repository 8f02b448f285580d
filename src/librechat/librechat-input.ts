import type { EtlError } from '../errors.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { StageContext } from '../stage.ts';

/** Collections beside the chats that belong to a user, the field that names the owner, and what a bundle calls them. */
export const relatedCollections = {
  conversationtags: { owner: 'user', name: 'tags' },
  chatprojects: { owner: 'user', name: 'projects' },
  sharedlinks: { owner: 'user', name: 'shared_links' },
  presets: { owner: 'user', name: 'presets' },
  memoryentries: { owner: 'userId', name: 'memories' },
} as const;

export type RelatedCollection = keyof typeof relatedCollections;
export type LibrechatCollection = 'users' | 'conversations' | 'messages' | 'files' | RelatedCollection;

/** The collections that are read at all: nothing that holds credentials only. */
export const librechatCollections: readonly LibrechatCollection[] = [
  'users',
  'conversations',
  'messages',
  'files',
  'conversationtags',
  'chatprojects',
  'sharedlinks',
  'presets',
  'memoryentries',
];

/** Which documents are wanted. An input may give more: whoever reads it looks again. */
export interface LibrechatSelection {
  /** Ids of owners; absent: everybody's. */
  readonly userIds?: ReadonlySet<string> | undefined;
  readonly conversationId?: string | undefined;
  /** For `files`: ids that the wanted messages name. */
  readonly fileIds?: ReadonlySet<string> | undefined;
}

/** A LibreChat's database, live or dumped: its documents as relaxed Extended JSON, the same text for the same bytes. */
export interface LibrechatInput {
  has(collection: LibrechatCollection): boolean;
  /** Documents of a collection in any order. What cannot be read is rejected. */
  read(collection: LibrechatCollection, selection: LibrechatSelection, ctx: StageContext): AsyncIterable<JsonRecords>;
  /** Files of a dump that end too early, as far as they have been read: what came before the cut was given. */
  readonly cut: ReadonlyMap<LibrechatCollection, EtlError>;
  close(): Promise<void>;
}
