import { createHash } from 'node:crypto';

import { recordCount } from '../../batch.ts';
import { EtlError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import { conversationToOnyx } from '../../mappings/conversation-to-onyx.ts';
import type { Loss } from '../../mappings/loss.ts';
import { asConversation, type Conversation } from '../../models/conversation.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import type { Batch, StageContext } from '../../stage.ts';

/** A conversation on its way into Onyx. */
export interface PlannedChat {
  readonly conversation: Conversation;
  readonly chat: OnyxChat;
  /** Of the chat as it would be written: tells whether the conversation has changed since an import. */
  readonly digest: string;
  readonly losses: readonly Loss[];
  readonly batch: Batch<unknown>;
  readonly index: number;
}

/** Conversations that go into the database in one transaction. */
export class OnyxLoad {
  readonly chats: PlannedChat[] = [];
  /** Size of the texts, in characters. */
  size = 0;
  bytes = 0;
  cursor: Json | undefined;
  readonly #ctx: StageContext;

  constructor(ctx: StageContext) {
    this.#ctx = ctx;
  }

  /** Maps a batch; a record that is no conversation is rejected. */
  add(batch: Batch<unknown>): void {
    for (let index = 0; index < recordCount(batch); index += 1) {
      try {
        const conversation = asConversation(batch.records[index]);
        requireStorable(conversation);
        const { chat, losses } = conversationToOnyx(conversation);
        const text = JSON.stringify(chat);
        this.size += text.length;
        this.chats.push({ conversation, chat, digest: digestOf(text), losses, batch, index });
      } catch (error) {
        this.#ctx.reject(batch.records[index], error, { batch, index });
      }
    }
    this.bytes += batch.bytes ?? 0;
    if (batch.cursor !== undefined) this.cursor = batch.cursor;
  }
}

/** Names that rows are found by are not mended as other text is. */
function requireStorable({ key, owner: { email = '' } }: Conversation): void {
  const isStorable = [key, email].every((text) => text.isWellFormed() && !text.includes('\0'));
  if (isStorable) return;
  throw new EtlError(
    'ETL_RECORD_INVALID',
    'the key or the e-mail address holds what PostgreSQL cannot: NUL, or half a surrogate pair',
  );
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
