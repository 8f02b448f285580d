import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { EtlError, isRecordError } from '../errors.ts';
import type { Json } from '../json.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import { ThreadReader } from '../mappings/thread-to-conversation.ts';
import type { Conversation } from '../models/conversation.ts';
import { asThreadRecord, type ThreadRecord } from '../models/langgraph.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

const options = z.strictObject({
  channel: z
    .string()
    .min(1)
    .default('messages')
    .describe('The channel of the graph that holds the messages.')
    .meta({ examples: ['messages', 'chat_history'] }),
  owner: z
    .string()
    .min(1)
    .default('owner')
    .describe("The field of a thread's metadata that says whose it is: an id, or an object with one.")
    .meta({ examples: ['owner', 'user_id'] }),
});
export type ThreadsToConversationsOptions = z.input<typeof options>;

/**
 * Makes a conversation of each LangGraph thread: forks and answers made anew become branches.
 *
 * A thread that comes in several parts is read part by part; only its messages are kept, and the position moves when it is
 * whole. See `threadToConversation` for what becomes of what.
 */
export function threadsToConversations(
  input: ThreadsToConversationsOptions = {},
): Transform<ThreadRecord, Conversation> {
  const config = options.parse(input);
  return {
    role: 'transform',
    name: 'threads-to-conversations',
    config,
    async *apply(batches, ctx) {
      const threads = new OpenThread(config, ctx);
      let cursor: Json | undefined;
      for await (const batch of batches) {
        cursor = batch.cursor;
        yield threads.take(batch);
      }
      if (!ctx.halted && threads.giveUp()) yield { records: [], cursor };
    },
  };
}

/** The thread whose parts are being read, if one is. */
class OpenThread {
  readonly #options: z.output<typeof options>;
  readonly #ctx: StageContext;
  #open: { readonly id: string; readonly reader: ThreadReader; parts: number } | undefined;

  constructor(config: z.output<typeof options>, ctx: StageContext) {
    this.#options = config;
    this.#ctx = ctx;
  }

  take(batch: Batch<ThreadRecord>): Batch<Conversation> {
    const records: Conversation[] = [];
    const origins: number[] = [];
    for (const [index, value] of batch.records.entries()) {
      try {
        const made = this.#read(asThreadRecord(value), batch);
        if (made === undefined) {
          this.#ctx.count('merged', 1, { batch });
          continue;
        }
        reportFindings(this.#ctx, made.conversation, made.losses, { batch });
        records.push(made.conversation);
        origins.push(index);
      } catch (error) {
        if (!isRecordError(error)) throw error;
        this.#open = undefined;
        this.#ctx.reject(value, error, { batch, index });
      }
    }
    const { bytes, at } = batch;
    // Between the parts of a thread there is no place to resume.
    const cursor = this.#open === undefined ? batch.cursor : undefined;
    return { records, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
  }

  /** Rejects the thread that is open: its last part did not come. */
  giveUp(batch?: Batch<unknown>): boolean {
    const open = this.#open;
    if (open === undefined) return false;
    this.#open = undefined;
    const { id } = open;
    const error = new EtlError('ETL_RECORD_INVALID', 'the last part of the thread is missing', {
      where: { record: id },
    });
    // The part before stands for the thread.
    this.#ctx.count('merged', -1, { batch });
    this.#ctx.reject({ thread_id: id }, error, { batch });
    return true;
  }

  /** The conversation, when this record is the last of its thread. */
  #read(record: ThreadRecord, batch: Batch<unknown>): ReturnType<ThreadReader['finish']> | undefined {
    const { thread_id: id, part = { number: 1, isLast: true }, history } = record;
    if (part.number === 1) this.giveUp(batch);
    if (part.number === 1) this.#open = { id, reader: new ThreadReader(record, this.#options), parts: 0 };
    const open = this.#open;
    if (open === undefined || open.id !== id || open.parts + 1 !== part.number)
      throw new EtlError('ETL_RECORD_INVALID', `part ${part.number} of a thread without the parts before it`, {
        where: { record: id },
        hint: 'Leave the records of a thread together, in the order the source gives them.',
      });
    open.parts += 1;
    open.reader.add(history);
    if (!part.isLast) return undefined;
    this.#open = undefined;
    return open.reader.finish();
  }
}

export const threadsToConversationsComponent = defineTransform({
  type: 'threads-to-conversations',
  summary: 'Makes conversations of LangGraph threads, forks as branches',
  details:
    'The messages of all checkpoints become one tree. What was answered anew, at a fork or after an edit, is a branch; messages that were removed stay. ' +
    'Other channels of the last checkpoint, the metadata and pending questions are kept in `source.extra`; what only earlier checkpoints and subgraphs held is counted as left behind. ' +
    'A thread that was made by `conversations-to-threads` becomes that conversation again.',
  accepts: 'thread',
  gives: 'conversation',
  options,
  examples: ['type: threads-to-conversations', 'type: threads-to-conversations\nchannel: chat_history'],
  create: (input) => threadsToConversations(input),
});
