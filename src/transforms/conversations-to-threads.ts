import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { isRecordError } from '../errors.ts';
import { conversationToThread } from '../mappings/conversation-to-thread.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const options = z.strictObject({
  graphId: z
    .string()
    .min(1)
    .optional()
    .describe('The graph that shall go on with the threads. Conversations from LangGraph have their own.')
    .meta({ examples: ['agent'] }),
  channel: z.string().min(1).default('messages').describe('The channel of the graph that holds the messages.'),
  branches: z
    .enum(['all', 'active'])
    .default('all')
    .describe('all: every branch, as forks of the history. active: only the branch that is shown.'),
  checkpoints: z
    .enum(['messages', 'branches'])
    .default('messages')
    .describe('messages: a checkpoint after each message. branches: only where branches begin and end.'),
  threadIds: z
    .enum(['unique', 'same'])
    .default('unique')
    .describe(
      'unique: made of the system, the owner and the id of the conversation, as two people may have conversations with one id. same: the id of the conversation, when it is a UUID; of two people with one id, the second is rejected by the target. Threads from LangGraph keep theirs.',
    ),
  maxThreadBytes: z
    .int()
    .positive()
    .default(64 * 1024 * 1024)
    .describe(
      'Bytes of JSON a thread may have: each checkpoint repeats all messages before it. Past it, checkpoints are made as with `branches`; past it even so, the conversation is rejected.',
    ),
});
export type ConversationsToThreadsOptions = z.input<typeof options>;

/**
 * Makes a LangGraph thread of each conversation, branches as forks of its history.
 *
 * The same conversation always gives the same thread, with the same ids. See `conversationToThread` for what becomes of what.
 */
export function conversationsToThreads(
  input: ConversationsToThreadsOptions = {},
): Transform<Conversation, ThreadRecord> {
  const { graphId, ...config } = options.parse(input);
  return syncTransform(
    { name: 'conversations-to-threads', config: { graphId: graphId ?? null, ...config } },
    (ctx) => (batch) => convert(batch, { graphId, ...config }, ctx),
  );
}

function convert(batch: Batch<Conversation>, config: z.output<typeof options>, ctx: StageContext): Batch<ThreadRecord> {
  const records: ThreadRecord[] = [];
  const origins: number[] = [];
  for (const [index, value] of batch.records.entries()) {
    try {
      const { thread, losses } = conversationToThread(asConversation(value), config);
      for (const { kind, detail } of losses) ctx.finding(`left behind: ${kind} in ${detail}`, 1, { batch });
      records.push(thread);
      origins.push(index);
    } catch (error) {
      if (!isRecordError(error)) throw error;
      ctx.reject(value, error, { batch, index });
    }
  }
  const { bytes, cursor, at } = batch;
  return { records, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
}

export const conversationsToThreadsComponent = defineTransform({
  type: 'conversations-to-threads',
  summary: 'Makes LangGraph threads of conversations, branches as forks',
  details:
    'Ids of threads, checkpoints and messages are made of the conversation’s own: the same conversation gives the same thread. ' +
    'Times and what else LangChain has no field for is noted in the messages’ `additional_kwargs.threadmill` and the thread’s `metadata.threadmill`; `threads-to-conversations` reads it again. ' +
    'Files without a link and citations are left behind, and counted.',
  accepts: 'conversation',
  gives: 'thread',
  options,
  examples: [
    'type: conversations-to-threads\ngraphId: agent',
    'type: conversations-to-threads\ngraphId: agent\nbranches: active',
  ],
  create: (input) => conversationsToThreads(input),
});
