import { z } from 'zod';

import { defineTransform } from '../component.ts';
import type { Json } from '../json.ts';
import { conversationToLibrechat } from '../mappings/conversation-to-librechat.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const options = z.strictObject({
  collection: z
    .enum(['conversations', 'messages', 'files', 'users'])
    .describe("Which of LibreChat's collections the documents are for. Load files and messages before conversations."),
});
export type LibrechatDocumentsOptions = z.input<typeof options>;

type LibrechatDocument = { readonly [name: string]: Json };

/**
 * Makes LibreChat's documents of conversations of any source: those of one collection, as relaxed Extended JSON, which
 * `mongoimport` takes line by line and the sink `bson-dump` makes BSON of.
 *
 * Ids are the same every time, so that loading twice changes nothing (`mongoimport --mode upsert`). A user, and a file that
 * several conversations share, comes once for each of them: `dedupe` by `_id` behind this keeps one.
 */
export function librechatDocuments(input: LibrechatDocumentsOptions): Transform<Conversation, LibrechatDocument> {
  const { collection } = options.parse(input);
  const config = { collection };
  return syncTransform({ name: 'librechat-documents', config }, (ctx) => (batch) => documentsOf(batch, config, ctx));
}

function documentsOf(
  batch: Batch<Conversation>,
  { collection }: z.output<typeof options>,
  ctx: StageContext,
): Batch<LibrechatDocument> {
  const records: LibrechatDocument[] = [];
  const origins: number[] = [];
  for (const [index, record] of batch.records.entries()) {
    try {
      const { documents, losses } = conversationToLibrechat(asConversation(record));
      const made = documents[collection];
      if (made.length === 0) ctx.count('filtered', 1, { batch });
      else ctx.count('expanded', made.length - 1, { batch });
      for (const { kind, detail } of losses) ctx.finding(`left behind: ${kind} in ${detail}`, 1, { batch });
      for (const document of made) {
        records.push(document);
        origins.push(index);
      }
    } catch (error) {
      ctx.reject(record, error, { batch, index });
    }
  }
  const { bytes, cursor, at } = batch;
  return { records, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
}

export const librechatDocumentsComponent = defineTransform({
  type: 'librechat-documents',
  summary: "Makes LibreChat's documents of conversations, for mongoimport or mongorestore",
  details:
    'One collection at a time; the same ids every time. What LibreChat has no place for is in the report. Conversations of a LibreChat ' +
    'come out as they were, with their trees mended.',
  accepts: 'conversation',
  gives: 'any',
  options,
  examples: ['type: librechat-documents\ncollection: messages'],
  create: librechatDocuments,
});
