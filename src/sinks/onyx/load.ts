import { hash } from 'node:crypto';

import { recordCount } from '../../batch.ts';
import { EtlError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import { conversationToOnyxBranches, type OnyxBranches } from '../../mappings/conversation-to-onyx-branches.ts';
import { conversationToOnyx, type OnyxMappingOptions } from '../../mappings/conversation-to-onyx.ts';
import type { Loss } from '../../mappings/loss.ts';
import { onyxChatText } from '../../mappings/onyx-chat-text.ts';
import { asConversation, type Conversation } from '../../models/conversation.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import type { Batch, StageContext } from '../../stage.ts';

/** A conversation on its way into Onyx: whole or not at all. */
export interface PlannedRecord {
  readonly conversation: Conversation;
  /** None when `skip` says why. */
  readonly chats: readonly PlannedChat[];
  readonly skip?: string;
  readonly losses: readonly Loss[];
  readonly personaId: number;
  readonly batch: Batch<unknown>;
  readonly index: number;
}

/** A conversation, or one branch of it. */
export interface PlannedChat {
  readonly key: string;
  readonly chat: OnyxChat;
  /** Of the chat as it would be written: tells whether the conversation has changed since an import. */
  readonly digest: string;
}

/** How conversations are taken. */
export interface LoadOptions {
  readonly branches: OnyxBranches;
  readonly mapping: OnyxMappingOptions;
  readonly skipArchived: boolean;
  personaOf(conversation: Conversation): number;
}

/** Conversations that go into the database in one transaction. */
export class OnyxLoad {
  readonly records: PlannedRecord[] = [];
  /** Size of the texts, in characters. */
  size = 0;
  bytes = 0;
  cursor: Json | undefined;
  readonly #options: LoadOptions;
  readonly #ctx: StageContext;

  constructor(options: LoadOptions, ctx: StageContext) {
    this.#options = options;
    this.#ctx = ctx;
  }

  /** Maps a batch; a record that cannot be mapped is rejected. */
  add(batch: Batch<unknown>): void {
    for (let index = 0; index < recordCount(batch); index += 1) {
      try {
        this.records.push(this.#plan(asConversation(batch.records[index]), batch, index));
      } catch (error) {
        this.#ctx.reject(batch.records[index], error, { batch, index });
      }
    }
    this.bytes += batch.bytes ?? 0;
    if (batch.cursor !== undefined) this.cursor = batch.cursor;
  }

  #plan(conversation: Conversation, batch: Batch<unknown>, index: number): PlannedRecord {
    const { branches, mapping, skipArchived, personaOf } = this.#options;
    requireStorable(conversation);
    const record = { conversation, batch, index, losses: [], personaId: 0, chats: [] };
    if (skipArchived && conversation.archived) return { ...record, skip: 'archived' };
    const personaId = personaOf(conversation);
    const parts = conversationToOnyxBranches(conversation, branches);
    if (parts === undefined) throw tooManyBranches(conversation);
    if (parts.length === 0) return { ...record, skip: 'has several branches' };
    const losses: Loss[] = [];
    if (branches === 'active' && parts[0] !== conversation) losses.push({ kind: 'branch', detail: 'tree' });
    const chats = parts.map((part): PlannedChat => {
      const mapped = conversationToOnyx(part, mapping);
      losses.push(...mapped.losses);
      const text = onyxChatText(mapped.chat);
      this.size += text.length;
      return { key: part.key, chat: mapped.chat, digest: hash('sha256', text) };
    });
    return { ...record, personaId, chats, losses };
  }
}

// PostgreSQL indexes values up to 2704 bytes.
const maxKeyLength = 650;

/** Names that rows are found by are not mended as other text is. */
function requireStorable({ key, owner: { email = '' } }: Conversation): void {
  const isStorable = [key, email].every((text) => text.isWellFormed() && !text.includes('\0'));
  if (isStorable && key.length <= maxKeyLength) return;
  if (isStorable)
    throw new EtlError(
      'ETL_RECORD_INVALID',
      `expected a key of at most ${maxKeyLength} characters, received ${key.length}`,
    );
  throw new EtlError(
    'ETL_RECORD_INVALID',
    'the key or the e-mail address holds what PostgreSQL cannot: NUL, or half a surrogate pair',
  );
}

function tooManyBranches({ id }: Conversation): EtlError {
  return new EtlError('ETL_RECORD_TOO_LARGE', 'expected at most 1000 branches to make chats of', {
    where: { record: id },
    hint: 'Take `branches: tree` or `branches: active`.',
  });
}
