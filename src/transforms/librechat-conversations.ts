import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import { EtlError } from '../errors.ts';
import { librechatChats, librechatGroupOf, type LibrechatGroup } from '../mappings/librechat-chats.ts';
import { librechatToConversation } from '../mappings/librechat-to-conversation.ts';
import type { Conversation } from '../models/conversation.ts';
import { documentOf, type Document } from '../models/extended-json.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const options = z.strictObject({});
export type LibrechatConversationsOptions = z.input<typeof options>;

/** Documents of one owner and conversation under any key, as `group-by` gives them. */
export interface DocumentGroup {
  readonly key?: unknown;
  readonly records: readonly Document[];
}

/**
 * Makes conversations of LibreChat documents that were brought together by owner and conversation id.
 *
 * Takes what a join gives (conversations, messages, files and the owner apart), or a group of documents of any of these
 * kinds, told apart by their ids. One group is one conversation, but for documents without a conversation id: there each
 * conversation gets its own record.
 */
export function librechatConversations(
  input: LibrechatConversationsOptions = {},
): Transform<LibrechatGroup | DocumentGroup, Conversation> {
  options.parse(input);
  return syncTransform({ name: 'librechat-conversations', config: {} }, (ctx) => (batch) => convert(batch, ctx));
}

function convert(batch: Batch<LibrechatGroup | DocumentGroup>, ctx: StageContext): Batch<Conversation> {
  const records: Conversation[] = [];
  const origins: number[] = [];
  for (const [index, record] of batch.records.entries()) {
    try {
      const made = librechatChats(groupOf(record)).map(librechatToConversation);
      ctx.count('expanded', made.length - 1, { batch });
      for (const { conversation, losses } of made) {
        reportFindings(ctx, conversation, losses, { batch });
        records.push(conversation);
        origins.push(index);
      }
    } catch (error) {
      ctx.reject(record, error, { batch, index });
    }
  }
  const { bytes, cursor, at } = batch;
  return { records, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
}

function groupOf(record: LibrechatGroup | DocumentGroup): LibrechatGroup {
  if ('conversations' in record && 'messages' in record) return record;
  if (!('records' in record) || !Array.isArray(record.records)) throw notAGroup();
  const conversations: Document[] = [];
  const messages: Document[] = [];
  const files: Document[] = [];
  for (const entry of record.records) {
    const document = documentOf(entry as never);
    if (document === undefined) throw notAGroup();
    if ('messageId' in document) messages.push(document);
    else if ('file_id' in document) files.push(document);
    else conversations.push(document);
  }
  const [first] = [...conversations, ...messages];
  if (first === undefined) throw notAGroup();
  return { ...librechatGroupOf(first), user: null, conversations, messages, files };
}

function notAGroup(): EtlError {
  return new EtlError(
    'ETL_RECORD_INVALID',
    'expected LibreChat documents of one conversation, received something else',
    {
      hint: 'Group them first: `type: group-by`, `key: [user, conversationId]`.',
    },
  );
}

export const librechatConversationsComponent = defineTransform({
  type: 'librechat-conversations',
  summary: 'Makes conversations of LibreChat documents grouped by owner and conversation id',
  details:
    'Trees are mended, and every repair is on the record and in the report; unknown fields are kept; secrets stay behind. ' +
    'The source `librechat` does this itself.',
  accepts: 'group',
  gives: 'conversation',
  options,
  examples: ['type: librechat-conversations'],
  create: (input) => librechatConversations(input),
});
