import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { mapBatch } from '../map-batch.ts';
import { mergeConversationTurns } from '../mappings/merge-turns.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const options = z.strictObject({});
export type MergeTurnsOptions = z.input<typeof options>;

/**
 * Joins what systems such as LangGraph and ChatGPT spread over several messages: an answer, the tools it called and what they
 * gave become one message of the assistant.
 *
 * Nothing is joined across the beginning of a branch. A conversation with nothing to join passes unchanged, with its JSON
 * text. Records that are no conversations are rejected.
 */
export function mergeTurns(input: MergeTurnsOptions = {}): Transform<Conversation, Conversation> {
  options.parse(input);
  return syncTransform(
    { name: 'merge-turns', config: {} },
    (ctx) => (batch) =>
      mapBatch(batch, (record) => mergeConversationTurns(asConversation(record)), ctx, { isPure: true }),
  );
}

export const mergeTurnsComponent = defineTransform({
  type: 'merge-turns',
  summary: 'Joins answers that are spread over several messages',
  details:
    'An assistant’s messages and the tools’ between them become one message, each result behind its call: for sinks that want question and answer in turns. ' +
    'The first message gives id and time; the others’ own fields are kept in `source.extra.merged`. Nothing is joined across the beginning of a branch.',
  accepts: 'conversation',
  gives: 'conversation',
  options,
  examples: ['type: merge-turns'],
  create: (input) => mergeTurns(input),
});
