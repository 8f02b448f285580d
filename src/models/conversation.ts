import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Part } from './conversation-parts.ts';

/** The version of the record below. A change that old readers would misread gets the next number. */
export const CONVERSATION_SCHEMA = 'threadmill/conversation@1';

/**
 * One conversation as every chat source gives it and every chat sink takes it: `docs/conversation.md` describes each field.
 *
 * Times are ISO 8601 in UTC with three to six digits of a second, or null where the source has none. Fields that are
 * optional are absent, not null, when there is nothing to say. What has no place of its own is in `source.extra`, verbatim.
 */
export interface Conversation {
  readonly schema: typeof CONVERSATION_SCHEMA;
  /** The source's own id; where it had none, one derived from its database id (see `repairs`). */
  readonly id: string;
  /** Unique over all owners of a source system, which `id` is not: `librechat:<owner>:<id>`. */
  readonly key: string;
  readonly owner: Owner;
  readonly title: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly archived: boolean;
  readonly archivedAt?: string;
  readonly pinned: boolean;
  /** Hidden from the list and deleted after a while by the owner's choice. */
  readonly temporary: boolean;
  readonly expiresAt?: string;
  readonly tags: readonly string[];
  readonly project: Project | null;
  readonly settings: Settings;
  /** Parents before children; siblings in the order of time. */
  readonly messages: readonly Message[];
  readonly tree: Tree;
  readonly files: readonly FileRecord[];
  /** What this record is one branch of, when a conversation was split. */
  readonly branch?: Branch;
  readonly source: ConversationSource;
}

/** Whose conversation it is. Only `id` when the account no longer exists. */
export interface Owner {
  readonly id: string;
  readonly email?: string;
  readonly name?: string;
  readonly username?: string;
  /** The person's id in a directory (Entra, OpenID): the best key to join other systems by. */
  readonly directoryId?: string;
}

export interface Project {
  readonly id: string;
  readonly name?: string;
}

/** What the next answer would have been made with. */
export interface Settings {
  /** The provider, or the deployment's name for it. */
  readonly endpoint?: string;
  readonly model?: string;
  readonly agentId?: string;
  /** What that agent is called, and runs on, as of the export. */
  readonly agent?: { readonly name?: string; readonly provider?: string; readonly model?: string };
  readonly systemPrompt?: string;
  /** Everything else (temperature, limits, tools …), verbatim under the source's names. */
  readonly parameters?: { readonly [name: string]: Json };
}

export type Role = 'user' | 'assistant' | 'system' | 'tool';

export interface Message {
  /** Unique in the conversation. */
  readonly id: string;
  /** A message of this conversation, or null for a first message. */
  readonly parentId: string | null;
  readonly role: Role;
  /** Who it says it is from: "User", "GPT-4o", a tool's name. */
  readonly name?: string;
  /** The tool a message is addressed to, in systems that spread calls over messages. */
  readonly recipient?: string;
  readonly channel?: string;
  /** Not shown to the owner in the source: context, custom instructions. */
  readonly hidden?: true;
  readonly createdAt: string | null;
  readonly updatedAt?: string;
  readonly parts: readonly Part[];
  readonly model?: string;
  readonly endpoint?: string;
  /** Tokens of this message as the source counted them: output for answers, an estimate for questions. */
  readonly tokens?: number;
  readonly finishReason?: string;
  readonly feedback?: Feedback;
  /** Broken off: aborted, or saved in part. */
  readonly unfinished?: true;
  /** The answer is an error report. */
  readonly failed?: true;
  readonly source?: MessageSource;
}

export interface Feedback {
  readonly rating: 'up' | 'down' | null;
  readonly tag?: string;
  readonly text?: string;
  readonly extra?: { readonly [name: string]: Json };
}

export interface MessageSource {
  /** The database's id of the message. */
  readonly recordId?: string;
  readonly extra?: { readonly [name: string]: Json };
}

/** The shape of the message tree. Ids are those of `messages`. */
export interface Tree {
  readonly hasBranching: boolean;
  readonly roots: readonly string[];
  readonly leaves: readonly string[];
  /** The last message of what the source shows first. */
  readonly activeLeaf: string | null;
  readonly branchPoints: readonly string[];
  /** Parent ids that the source's messages named and that do not exist. */
  readonly missingParentIds: readonly string[];
  /** Messages from a root down to the deepest leaf. */
  readonly depth: number;
  /** What was wrong and how it was mended, in the tree and in the conversation. */
  readonly repairs: readonly ConversationRepair[];
}

export interface ConversationRepair {
  readonly kind: string;
  readonly messageId?: string;
  readonly detail?: string;
}

export interface Branch {
  /** The `id` of the whole conversation. */
  readonly of: string;
  readonly leaf: string;
  /** From 1, in the order of leaves. */
  readonly number: number;
  readonly count: number;
  readonly active: boolean;
}

/** Why there are no bytes to be had, or none that belong to the owner. */
export type Unavailable =
  /** The path leads out of the uploads: never followed. */
  | 'refused'
  /** Kept by the model's provider only. */
  | 'providerOnly'
  /** Never kept: only the text taken from it. */
  | 'textOnly'
  /** Cut into a search index; the file itself is gone. */
  | 'indexOnly'
  /** A result of a tool, deleted after a day. */
  | 'expired'
  /** The export this comes from leaves files out. */
  | 'neverExported'
  /** Looked for and not found. */
  | 'missing'
  /** A kind of storage that is not known. */
  | 'unknownStorage';

export interface FileRecord {
  readonly id: string;
  readonly name?: string;
  readonly mediaType?: string;
  /** As the source says; not always true. */
  readonly bytes?: number;
  readonly sha256?: string;
  readonly width?: number;
  readonly height?: number;
  readonly createdAt?: string;
  /** Text the source had taken out of the file. */
  readonly text?: string;
  /** The kind of storage, in the source's word: local, s3 … */
  readonly storage?: string;
  /** Where to look below the folders of uploads, most likely first. Relative, with `/`, never with `..`. */
  readonly paths?: readonly string[];
  /** Where it was, without signatures and tokens. */
  readonly url?: string;
  readonly unavailable?: Unavailable;
  /** True when there is no document for this file, only what a message says about it. */
  readonly fromMessage?: true;
  readonly extra?: { readonly [name: string]: Json };
}

export interface ConversationSource {
  /** `librechat`, `chatgpt`, `claude`, `open-webui`, `langgraph` … */
  readonly system: string;
  /** The database's id of the conversation. */
  readonly recordId?: string;
  /** True when messages were there without their conversation. */
  readonly orphan?: true;
  /** Versions of messages that gave way to another one of the same id. */
  readonly dropped?: readonly Json[];
  readonly extra?: { readonly [name: string]: Json };
}

/** True for a record that says it is a conversation of this version and has what stages rely on. */
export function isConversation(record: unknown): record is Conversation {
  return (
    typeof record === 'object' &&
    record !== null &&
    'schema' in record &&
    record.schema === CONVERSATION_SCHEMA &&
    'messages' in record &&
    Array.isArray(record.messages)
  );
}

/**
 * The record as a conversation.
 *
 * A quick look at what every stage relies on; `conversationSchema` checks the whole of it.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for anything else.
 */
export function asConversation(record: unknown): Conversation {
  if (isConversation(record)) return record;
  const schema = typeof record === 'object' && record !== null && 'schema' in record ? record.schema : undefined;
  const found = schema === undefined ? typeof record : `schema ${JSON.stringify(schema)}`;
  throw new EtlError(
    'ETL_RECORD_INVALID',
    `expected a conversation (schema "${CONVERSATION_SCHEMA}"), received ${found}`,
    {
      hint: 'Put a transform before this stage that gives conversations.',
    },
  );
}
