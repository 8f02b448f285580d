import type { EtlError } from '../errors.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { StageContext } from '../stage.ts';

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

/** A LibreChat's database, live or dumped: its documents as relaxed Extended JSON, the same text for the same bytes. */
export interface LibrechatInput {
  has(collection: LibrechatCollection): boolean;
  /** Documents of a collection in any order. What cannot be read is rejected. */
  read(collection: LibrechatCollection, selection: LibrechatSelection, ctx: StageContext): AsyncIterable<JsonRecords>;
  /** Files of a dump that end too early, as far as they have been read: what came before the cut was given. */
  readonly cut: ReadonlyMap<LibrechatCollection, EtlError>;
  close(): Promise<void>;
}
