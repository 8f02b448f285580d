import type { z } from 'zod';

import { defineSource } from '../component.ts';
import { mongodbAddress, openMongodb } from '../connections/mongodb.ts';
import type { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import { agentNames, withAgent } from '../librechat/agent-names.ts';
import { endCutShort } from '../librechat/cut-short.ts';
import { dumpBytes, librechatDumpFiles } from '../librechat/dump-files.ts';
import { dumpInput } from '../librechat/dump-input.ts';
import { joinDocuments } from '../librechat/join-documents.ts';
import type { LibrechatInput } from '../librechat/librechat-input.ts';
import { librechatOptions } from '../librechat/librechat-options.ts';
import { littleMemory } from '../librechat/little-memory.ts';
import { liveInput } from '../librechat/live-input.ts';
import { keptOf, liveEstimate } from '../librechat/live-plan.ts';
import { makeChats, type MakeChatsOptions } from '../librechat/make-chats.ts';
import { makeConversations, type MadeConversation } from '../librechat/make-conversations.ts';
import { recordBatches, userBatches, type LibrechatMade, type LibrechatPlace } from '../librechat/record-batches.ts';
import { librechatUserSummaries, type LibrechatUserSummary } from '../librechat/user-summaries.ts';
import { wantedUsers } from '../librechat/wanted-users.ts';
import { wholeDocument } from '../mappings/librechat-thin.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import type { Conversation } from '../models/conversation.ts';
import { idText } from '../models/extended-json.ts';
import type { LibrechatChatRecord, LibrechatRecord } from '../models/librechat-chat.ts';
import type { Batch, Source, StageContext } from '../stage.ts';

export type LibrechatSourceOptions = z.input<typeof librechatOptions>;
type Given = z.output<typeof librechatOptions>;

/** For tests: a connection that is not a server's, and a thread from sources that are not built, used sooner. */
interface Parts {
  readonly connect?: typeof openMongodb;
  readonly thread?: MakeChatsOptions;
}

/**
 * Reads the conversations of a LibreChat, live or from a dump: each with its messages, files and owner.
 *
 * Ordered by owner id and conversation id, and the same records from a live database as from its dump. Damaged trees are
 * mended, messages without their conversation make one of their own, empty conversations come as they are; what was found is
 * on each record and in the report. With `records: documents` a user's profile, tags and the like come before their chats.
 *
 * A database has the order of insertion, so documents are grouped outside of memory first; a resumed run groups again and
 * goes on after the last record that was committed.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections that are missing, `ETL_SOURCE_INVALID`,
 *   `ETL_SOURCE_TRUNCATED` for a dump that was cut short, once what is readable was given,
 *   `ETL_SOURCE_CHANGED` (a collection was dropped meanwhile), `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`, `ETL_CONFIG_INVALID`.
 */
export function librechatSource(
  input: LibrechatSourceOptions & { readonly records: 'documents' },
  parts?: Parts,
): Source<LibrechatRecord>;
export function librechatSource(
  input: LibrechatSourceOptions & { readonly records: 'users' },
  parts?: Parts,
): Source<LibrechatUserSummary>;
export function librechatSource(
  input: LibrechatSourceOptions & { readonly records?: 'conversations' },
  parts?: Parts,
): Source<Conversation>;
export function librechatSource(input: LibrechatSourceOptions, parts?: Parts): Source<LibrechatMade>;
export function librechatSource(
  input: LibrechatSourceOptions,
  { connect = openMongodb, thread = {} }: Parts = {},
): Source<LibrechatMade> {
  const given = librechatOptions.parse(input);
  const {
    uri,
    readPreference: _,
    batchSize: __,
    batchBytes: ___,
    memoryBytes: ____,
    acceptTruncated: _____,
    ...rest
  } = given;
  const database = uri === undefined ? undefined : mongodbAddress({ uri, database: given.database }).database;
  return {
    role: 'source',
    name: 'librechat',
    config: JSON.parse(JSON.stringify({ ...rest, database })) as Json,
    read: (ctx) => read(given, { connect, thread }, ctx),
    estimate: async (signal) => {
      if (given.uri !== undefined) return liveEstimate(given, connect, signal);
      return {
        bytes: await dumpBytes(await librechatDumpFiles(given.from ?? [], given.include)),
        plan: `all files of the dump, grouped by owner and conversation outside of memory${keptOf(given.since)}`,
      };
    },
    check: async (signal) => {
      if (given.uri === undefined) {
        const files = await librechatDumpFiles(given.from ?? [], given.include);
        return `${[...files.keys()].join(', ')}: ${await dumpBytes(files)} bytes`;
      }
      const { records, plan } = await liveEstimate(given, connect, signal);
      return `${plan ?? ''}; about ${records ?? 0} conversations`;
    },
  };
}

async function* read(
  given: Given,
  { connect, thread }: Required<Parts>,
  ctx: StageContext,
): AsyncGenerator<Batch<LibrechatMade>> {
  const users = await wantedUsers(given);
  const input = await openInput(given, connect, ctx);
  try {
    if (given.records === 'users') {
      yield* userBatches(await librechatUserSummaries(input, ctx), users, given, ctx);
      endCutShort(input, given.acceptTruncated, ctx);
      return;
    }
    // What comes back is what we gave with a batch.
    const place = ctx.cursor as LibrechatPlace | undefined;
    const after = place === undefined ? undefined : Buffer.from(place.after, 'hex');
    const { conversation: conversationId, include, memoryBytes, records } = given;
    const withUsers = records === 'documents';
    const isEnough = place !== undefined && place.conversations >= (given.maxConversations ?? Infinity);
    if (isEnough && place.cut === undefined) return;
    const joined = joinDocuments({ input, users, conversationId, withUsers, include, memoryBytes, after }, ctx);
    const memoryAsBefore = littleMemory();
    try {
      if (withUsers) {
        const report = (record: LibrechatChatRecord): LibrechatChatRecord => {
          for (const [kind, times] of Object.entries(record.counts.repairs)) ctx.finding(`mended: ${kind}`, times);
          for (const [kind, times] of Object.entries(record.counts.losses)) ctx.finding(`left behind: ${kind}`, times);
          return record;
        };
        yield* recordBatches(makeChats(joined, given, thread), input, report, given, ctx);
      } else {
        const agents = await agentNames(input, ctx);
        const report = ({ conversation, losses }: MadeConversation): Conversation => {
          reportFindings(ctx, conversation, losses);
          return withAgent(conversation, agents);
        };
        const made = makeConversations(joined, given, await projectNames(input, ctx));
        yield* recordBatches(made, input, report, given, ctx);
      }
    } finally {
      memoryAsBefore();
    }
    endCutShort(input, given.acceptTruncated, ctx);
  } finally {
    await input.close();
  }
}

async function openInput(given: Given, connect: typeof openMongodb, ctx: StageContext): Promise<LibrechatInput> {
  const { uri, from, database, readPreference, include } = given;
  if (uri === undefined) return dumpInput(await librechatDumpFiles(from ?? [], include));
  const onRetry = (problem: EtlError): void => ctx.warn(`${problem.message} (${problem.code}); trying again`);
  const connection = await connect({ uri, database, readPreference, onRetry, signal: ctx.signal });
  try {
    return await liveInput(connection, include, ctx.signal);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** What projects are called, by their id: conversations name them by that only. */
async function projectNames(input: LibrechatInput, ctx: StageContext): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const { bytes, starts, ends, count } of input.read('chatprojects', {}, ctx)) {
    for (let i = 0; i < count; i++) {
      const { _id, name } = wholeDocument(Buffer.from(bytes.subarray(starts[i], ends[i])));
      const id = idText(_id);
      if (id !== undefined && typeof name === 'string') names.set(id, name);
    }
  }
  return names;
}

export const librechatSourceComponent = defineSource({
  type: 'librechat',
  summary: 'LibreChat conversations from a live database, a mongodump folder or mongoexport files',
  details:
    'Gives each conversation with its messages, files and owner, ordered by owner and id, whatever state the data is in: every repair is ' +
    'on the record (`tree.repairs`) and in the report. A live database and its dump give the same. Read-only. Memory is bounded by ' +
    '`memoryBytes`; what does not fit goes to files that are removed in the end. Fields that are not known are kept; secrets stay behind. ' +
    'All of a live database is read in pages by `_id`; of messages only their keys, and then those of some hundred conversations at a time ' +
    'by `conversationId`, in the order of the export, while the ones before are worked on: no index of LibreChat gives that order, ' +
    'no cursor of the server lives longer than a page, and after a failover a page is asked for again. Without an index on ' +
    '`conversationId`, and from a dump, messages are grouped outside of memory. `etl plan` says which it is.',
  gives: 'any',
  options: librechatOptions,
  examples: [
    'type: librechat\nuri: ${LIBRECHAT_MONGODB}',
    'type: librechat\nfrom: ./dump/LibreChat\nrecords: documents',
    'type: librechat\nfrom: ./export\nusers: [ana@example.org]\nsince: 2026-01-01',
  ],
  create: (input) => librechatSource(input),
});
