import { z } from 'zod';

import { defineSource } from '../component.ts';
import { mongodbAddress, openMongodb } from '../connections/mongodb.ts';
import type { EtlError } from '../errors.ts';
import { jsonMembers, type JsonMember } from '../formats/json-members.ts';
import type { Json } from '../json.ts';
import { cutPlaces, endCutShort, holdCutPlaces } from '../librechat/cut-short.ts';
import { dumpBytes, librechatDumpFiles } from '../librechat/dump-files.ts';
import { dumpInput } from '../librechat/dump-input.ts';
import { joinDocuments, type JoinedChats, type JoinedUser } from '../librechat/join-documents.ts';
import type { LibrechatInput } from '../librechat/librechat-input.ts';
import { liveInput } from '../librechat/live-input.ts';
import { liveEstimate } from '../librechat/live-plan.ts';
import { librechatUserSummaries, type LibrechatUserSummary } from '../librechat/user-summaries.ts';
import { wantedUsers } from '../librechat/wanted-users.ts';
import { librechatChats } from '../mappings/librechat-chats.ts';
import { wholeDocument, thinMessage } from '../mappings/librechat-thin.ts';
import { librechatToBundle } from '../mappings/librechat-to-bundle.ts';
import { librechatToConversation } from '../mappings/librechat-to-conversation.ts';
import { librechatUserRecord } from '../mappings/librechat-user-record.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import type { Conversation } from '../models/conversation.ts';
import { idText, timeNumber, timeText, type Document } from '../models/extended-json.ts';
import type { LibrechatRecord } from '../models/librechat-chat.ts';
import { isTemporary, type LibrechatChat } from '../models/librechat.ts';
import type { Batch, Source, StageContext } from '../stage.ts';

const options = z
  .strictObject({
    uri: z
      .string()
      .min(1)
      .optional()
      .describe('Connection string of the live database: `mongodb://` or `mongodb+srv://`, with its name.')
      .meta({ secret: true, examples: ['mongodb://localhost:27017/LibreChat', '${LIBRECHAT_MONGODB}'] }),
    from: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .describe(
        'Instead of `uri`: a `mongodump` folder (of the database, or the one above it), a folder of `mongoexport` files named after their collections, or those files.',
      )
      .meta({ examples: ['./dump/LibreChat', ['./conversations.json', './messages.json', './users.json']] }),
    database: z.string().min(1).optional().describe('Database, when the URI does not name it or names another.'),
    readPreference: z
      .enum(['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest'])
      .optional()
      .describe('Which member of a replica set to read from. A secondary may lag behind.'),
    records: z
      .enum(['conversations', 'documents', 'users'])
      .default('conversations')
      .describe(
        '`conversations`: the record that every chat source gives. `documents`: every document as the database has it, for the sink `bundle`; faster. ' +
          '`users`: who there is, and how many conversations are theirs.',
      ),
    users: z
      .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
      .default('all')
      .describe('Whose conversations: `all`, or e-mail addresses or ids of users.')
      .meta({ examples: ['all', ['ana@example.org']] }),
    usersFile: z
      .string()
      .min(1)
      .optional()
      .describe('File with more e-mail addresses or ids of users, one a line; `#` begins a remark.')
      .meta({ examples: ['./users.txt'] }),
    conversation: z.string().min(1).optional().describe('Only the conversation of this id.'),
    maxConversations: z.int().positive().optional().describe('Only the first so many conversations, in order.'),
    since: z
      .string()
      .refine((text) => !Number.isNaN(Date.parse(text)), 'expected a date, such as 2026-01-31')
      .optional()
      .describe('Only conversations in which something was saved on this day or later.')
      .meta({ examples: ['2026-01-31'] }),
    includeArchived: z.boolean().default(true).describe('Whether archived conversations are read.'),
    includeTemporary: z.boolean().default(false).describe('Whether temporary ones are: their owners wanted them gone.'),
    acceptTruncated: z
      .boolean()
      .default(false)
      .describe(
        'Takes a dump that was cut short for what it is. Otherwise the run fails once what is readable is written.',
      ),
    batchSize: z.int().positive().default(100).describe('Conversations in a batch.'),
    batchBytes: z
      .int()
      .positive()
      .default(256 * 1024)
      .describe('A batch also ends with the conversation that reaches this many bytes.'),
    memoryBytes: z
      .int()
      .positive()
      .default(32 * 1024 * 1024)
      .describe(
        'Memory for bringing documents together, at least 4 MB; beyond it they go to files in the run’s own folder.',
      ),
  })
  .refine(({ uri, from }) => (uri === undefined) !== (from === undefined), {
    error: 'expected either "uri" (a live database) or "from" (a dump)',
    path: ['uri'],
  });
export type LibrechatSourceOptions = z.input<typeof options>;
type Given = z.output<typeof options>;
type Made = Conversation | LibrechatRecord | LibrechatUserSummary;

/** For tests: a connection that is not a server's. */
interface Parts {
  readonly connect?: typeof openMongodb;
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
export function librechatSource(input: LibrechatSourceOptions, parts?: Parts): Source<Made>;
export function librechatSource(input: LibrechatSourceOptions, { connect = openMongodb }: Parts = {}): Source<Made> {
  const given = options.parse(input);
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
    read: (ctx) => read(given, connect, ctx),
    estimate: async (signal) => {
      if (given.uri !== undefined) return liveEstimate(given, connect, signal);
      return {
        bytes: await dumpBytes(await librechatDumpFiles(given.from ?? [])),
        plan: 'all files of the dump, grouped by owner and conversation outside of memory',
      };
    },
    check: async (signal) => {
      if (given.uri === undefined) {
        const files = await librechatDumpFiles(given.from ?? []);
        return `${[...files.keys()].join(', ')}: ${await dumpBytes(files)} bytes`;
      }
      const { records, plan } = await liveEstimate(given, connect, signal);
      return `${plan ?? ''}; about ${records ?? 0} conversations`;
    },
  };
}

async function* read(given: Given, connect: typeof openMongodb, ctx: StageContext): AsyncGenerator<Batch<Made>> {
  const users = await wantedUsers(given);
  const input = await openInput(given, connect, ctx);
  try {
    if (given.records === 'users') {
      yield* userBatches(await librechatUserSummaries(input, ctx), users, given, ctx);
      endCutShort(input, given.acceptTruncated, ctx);
      return;
    }
    // What comes back is what we gave with a batch.
    const place = ctx.cursor as Place | undefined;
    const after = place === undefined ? undefined : Buffer.from(place.after, 'hex');
    const { conversation: conversationId, memoryBytes, records } = given;
    const withUsers = records === 'documents';
    const projects = withUsers ? new Map<string, string>() : await projectNames(input, ctx);
    const isEnough = place !== undefined && place.conversations >= (given.maxConversations ?? Infinity);
    if (isEnough && place.cut === undefined) return;
    const joined = joinDocuments({ input, users, conversationId, withUsers, memoryBytes, after }, ctx);
    yield* inBatches(joined, input, projects, given, ctx);
    endCutShort(input, given.acceptTruncated, ctx);
  } finally {
    await input.close();
  }
}

async function openInput(given: Given, connect: typeof openMongodb, ctx: StageContext): Promise<LibrechatInput> {
  const { uri, from, database, readPreference } = given;
  if (uri === undefined) return dumpInput(await librechatDumpFiles(from ?? []));
  const onRetry = (problem: EtlError): void => ctx.warn(`${problem.message} (${problem.code}); trying again`);
  const connection = await connect({ uri, database, readPreference, onRetry, signal: ctx.signal });
  try {
    return await liveInput(connection, ctx.signal);
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

async function* inBatches(
  joined: AsyncIterable<JoinedUser | JoinedChats>,
  input: LibrechatInput,
  projects: ReadonlyMap<string, string>,
  given: Given,
  ctx: StageContext,
): AsyncGenerator<Batch<Made>> {
  const { maxConversations = Number.POSITIVE_INFINITY } = given;
  const before = ctx.cursor as Place | undefined;
  let conversations = before?.conversations ?? 0;
  let isHeld = before === undefined;
  let records: Made[] = [];
  let bytes = 0;
  let last: Buffer | undefined;
  const batch = (): Batch<Made> => {
    const some = records;
    const after = last?.toString('hex');
    const cut = cutPlaces(input);
    const cursor = after === undefined ? undefined : { after, conversations, ...(cut !== undefined && { cut }) };
    const size = bytes;
    records = [];
    bytes = 0;
    return { records: some, bytes: size, cursor, at: (index) => placeOf(some[index]) };
  };
  for await (const one of joined) {
    // A dump has been read whole by now.
    if (!isHeld) holdCutPlaces(before?.cut, input);
    isHeld = true;
    if (one.kind === 'user') records.push(librechatUserRecord(one));
    else {
      const made = recordsOf(one, projects, given, ctx, maxConversations - conversations);
      conversations += made.length;
      records.push(...made);
    }
    last = one.key;
    bytes += one.bytes;
    if (records.length >= given.batchSize || bytes >= given.batchBytes) yield batch();
    if (conversations >= maxConversations) break;
  }
  if (!isHeld) holdCutPlaces(before?.cut, input);
  if (records.length > 0 || bytes > 0) yield batch();
}

/** Users after the one that was given last. */
function* userBatches(
  all: readonly LibrechatUserSummary[],
  wanted: ReadonlySet<string> | undefined,
  { batchSize }: Given,
  ctx: StageContext,
): Generator<Batch<Made>> {
  const after = (ctx.cursor as Place | undefined)?.after;
  const isWanted = ({ id, email }: LibrechatUserSummary): boolean =>
    wanted === undefined || wanted.has(id) || (email !== null && wanted.has(email.toLowerCase()));
  const users = all.filter((user) => isWanted(user) && (after === undefined || user.id > after));
  for (let i = 0; i < users.length; i += batchSize) {
    const records = users.slice(i, i + batchSize);
    yield {
      records,
      cursor: { after: records.at(-1)?.id ?? '', conversations: 0 },
      at: (index) => placeOf(records[index]),
    };
  }
}

/** Where reading goes on: after this key, so many conversations having been given. */
interface Place {
  readonly after: string;
  readonly conversations: number;
  /** Where the dump is cut short. */
  readonly cut?: Json | undefined;
}

function recordsOf(
  joined: JoinedChats,
  projects: ReadonlyMap<string, string>,
  given: Given,
  ctx: StageContext,
  most: number,
): Made[] {
  const texts = new Map<Document, Buffer>();
  const documents = (all: readonly Buffer[], parse: (text: Buffer) => Document): Document[] =>
    all.map((text) => {
      const document = parse(text);
      texts.set(document, text);
      return document;
    });
  const isThin = given.records === 'documents';
  const members = new Map<Document, readonly JsonMember[]>();
  const thin = (text: Buffer): Document => {
    const found = jsonMembers(text);
    const document = thinMessage(text, found);
    members.set(document, found);
    return document;
  };
  const group = {
    userId: joined.userId,
    conversationId: joined.conversationId,
    user: joined.user,
    conversations: documents(joined.conversations, wholeDocument),
    messages: documents(joined.messages, isThin ? thin : wholeDocument),
    files: documents(joined.files, wholeDocument),
  };
  const chosen: LibrechatChat[] = [];
  for (const chat of librechatChats(group)) {
    if (!isChosen(chat, given)) ctx.count('filtered', 1);
    else if (chosen.length < most) chosen.push(chat);
  }
  if (!isThin) return chosen.map((chat) => conversationOf(chat, projects, ctx));
  const textOf = (document: Document): Buffer => texts.get(document) ?? Buffer.from(JSON.stringify(document));
  const made = chosen.map((chat) => librechatToBundle(chat, textOf, (document) => members.get(document)));
  if (made.length > 1) made.sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { counts } of made) {
    for (const [kind, times] of Object.entries(counts.repairs)) ctx.finding(`mended: ${kind}`, times);
    for (const [kind, times] of Object.entries(counts.losses)) ctx.finding(`left behind: ${kind}`, times);
  }
  return made;
}

function conversationOf(chat: LibrechatChat, projects: ReadonlyMap<string, string>, ctx: StageContext): Conversation {
  const { conversation, losses } = librechatToConversation(chat);
  reportFindings(ctx, conversation, losses);
  const name = conversation.project === null ? undefined : projects.get(conversation.project.id);
  return name === undefined || conversation.project === null
    ? conversation
    : { ...conversation, project: { ...conversation.project, name } };
}

function isChosen(
  { conversation, messages }: LibrechatChat,
  { since, includeArchived, includeTemporary }: Given,
): boolean {
  if (!includeArchived && conversation?.['isArchived'] === true) return false;
  if (!includeTemporary && conversation !== null && isTemporary(conversation)) return false;
  if (since === undefined) return true;
  const from = Date.parse(since);
  return [conversation, ...messages].some((document) => (timeNumber(timeText(document?.['updatedAt'])) ?? 0) >= from);
}

function placeOf(record: Made | undefined): string {
  if (record === undefined) return '';
  if ('key' in record && !('type' in record)) return record.key;
  if (!('type' in record)) return `user ${record.id}`;
  return record.type === 'user' ? `user ${record.user.id}` : `user ${record.user.id}, conversation ${record.key}`;
}

export const librechatSourceComponent = defineSource({
  type: 'librechat',
  summary: 'LibreChat conversations from a live database, a mongodump folder or mongoexport files',
  details:
    'Gives each conversation with its messages, files and owner, ordered by owner and id, whatever state the data is in: every repair is ' +
    'on the record (`tree.repairs`) and in the report. A live database and its dump give the same. Read-only. Memory is bounded by ' +
    '`memoryBytes`; what does not fit goes to files that are removed in the end. Fields that are not known are kept; secrets stay behind.',
  gives: 'any',
  options,
  examples: [
    'type: librechat\nuri: ${LIBRECHAT_MONGODB}',
    'type: librechat\nfrom: ./dump/LibreChat\nrecords: documents',
    'type: librechat\nfrom: ./export\nusers: [ana@example.org]\nsince: 2026-01-01',
  ],
  create: (input) => librechatSource(input),
});
