import { z } from 'zod';

import { defineSource } from '../component.ts';
import type { Json } from '../json.ts';
import { dumpBytes, librechatDumpFiles } from '../librechat/dump-files.ts';
import { dumpGroups, type DumpGroup } from '../librechat/dump-groups.ts';
import { librechatChats } from '../mappings/librechat-chats.ts';
import { librechatToConversation } from '../mappings/librechat-to-conversation.ts';
import { reportFindings } from '../mappings/report-findings.ts';
import type { Conversation } from '../models/conversation.ts';
import { timeNumber, timeText } from '../models/extended-json.ts';
import { isTemporary, type LibrechatChat } from '../models/librechat.ts';
import type { Batch, Source, StageContext } from '../stage.ts';

const options = z.strictObject({
  from: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe(
      'A `mongodump` folder (of the database, or the one above it), a folder of `mongoexport` files named after their collections, or those files.',
    )
    .meta({ examples: ['./dump/LibreChat', ['./conversations.json', './messages.json', './users.json']] }),
  users: z
    .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
    .default('all')
    .describe('Whose conversations: `all`, or e-mail addresses or ids of users.')
    .meta({ examples: ['all', ['ana@example.org']] }),
  conversation: z.string().min(1).optional().describe('Only the conversation of this id.'),
  since: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'expected a date, such as 2026-01-31')
    .optional()
    .describe('Only conversations in which something was saved on this day or later.')
    .meta({ examples: ['2026-01-31'] }),
  includeArchived: z.boolean().default(true).describe('Whether archived conversations are read.'),
  includeTemporary: z.boolean().default(false).describe('Whether temporary ones are: their owners wanted them gone.'),
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
});
export type LibrechatDumpSourceOptions = z.input<typeof options>;
type Given = z.output<typeof options>;

/**
 * Reads the conversations of a LibreChat from a dump of its database: each with its messages, files and owner.
 *
 * Ordered by owner id and conversation id. Damaged trees are mended, messages without their conversation make one of their
 * own, empty conversations come as they are; what was found is on each record and in the report. Documents of a dump lie in
 * the order of insertion, so they are grouped outside of memory first; a resumed run groups again and goes on after the last
 * conversation that was committed.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections that are missing, `ETL_SOURCE_INVALID`,
 *   `ETL_SOURCE_TRUNCATED` for a dump that was cut short (nothing is given then: any conversation could lack messages).
 */
export function librechatDumpSource(input: LibrechatDumpSourceOptions): Source<Conversation> {
  const given = options.parse(input);
  const { batchSize: _, batchBytes: __, memoryBytes: ___, ...config } = given;
  return {
    role: 'source',
    name: 'librechat-dump',
    config: JSON.parse(JSON.stringify(config)) as Json,
    read: (ctx) => read(given, ctx),
    estimate: async () => ({
      bytes: await dumpBytes(await librechatDumpFiles(given.from)),
      plan: 'documents are grouped by owner and conversation outside of memory',
    }),
    check: async () => {
      const files = await librechatDumpFiles(given.from);
      return `${Object.keys(files).join(', ')}: ${await dumpBytes(files)} bytes`;
    },
  };
}

async function* read(given: Given, ctx: StageContext): AsyncGenerator<Batch<Conversation>> {
  const { batchSize, batchBytes, memoryBytes } = given;
  const files = await librechatDumpFiles(given.from);
  if (files.users === undefined) ctx.warn('there is no dump of users: owners are known by their ids only');
  if (files.files === undefined) ctx.warn('there is no dump of files: they are known by what messages say of them');
  const users = given.users === 'all' ? undefined : new Set(given.users.map((user) => user.toLowerCase()));
  const after = typeof ctx.cursor === 'string' ? Buffer.from(ctx.cursor, 'hex') : undefined;
  let records: Conversation[] = [];
  let bytes = 0;
  let last: DumpGroup | undefined;
  const batch = (): Batch<Conversation> => {
    const given = records;
    const place = { bytes, cursor: last?.key.toString('hex') };
    records = [];
    bytes = 0;
    return { records: given, ...place, at: (index) => given[index]?.key ?? '' };
  };
  for await (const joined of dumpGroups(
    { files, users, conversationId: given.conversation, memoryBytes, after },
    ctx,
  )) {
    for (const chat of librechatChats(joined.group)) {
      if (!isChosen(chat, given)) ctx.count('filtered', 1);
      else records.push(converted(chat, ctx));
    }
    last = joined;
    bytes += joined.bytes;
    if (records.length >= batchSize || bytes >= batchBytes) yield batch();
  }
  if (records.length > 0 || bytes > 0) yield batch();
}

function converted(chat: LibrechatChat, ctx: StageContext): Conversation {
  const { conversation, losses } = librechatToConversation(chat);
  reportFindings(ctx, conversation, losses);
  return conversation;
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

export const librechatDumpSourceComponent = defineSource({
  type: 'librechat-dump',
  summary: 'LibreChat conversations from a mongodump folder or mongoexport files',
  details:
    'Gives each conversation with its messages, files and owner, ordered by owner and id, whatever state the data is in: every repair is ' +
    'on the record (`tree.repairs`) and in the report. Memory is bounded by `memoryBytes`; what does not fit goes to files that ' +
    'are removed in the end. Fields that are not known are kept; secrets stay behind.',
  gives: 'conversation',
  options,
  examples: [
    'type: librechat-dump\nfrom: ./dump/LibreChat',
    'type: librechat-dump\nfrom: ./export\nusers: [ana@example.org]\nsince: 2026-01-01',
  ],
  create: librechatDumpSource,
});
