import { z } from 'zod';

import { isDate } from '../is-date.ts';
import { includable } from './librechat-input.ts';

/** The options of the source `librechat`. */
export const librechatOptions = z
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
      .refine(isDate, 'expected a date, such as 2026-01-31')
      .optional()
      .describe('Only conversations in which something was saved on this day or later.')
      .meta({ examples: ['2026-01-31'] }),
    includeArchived: z.boolean().default(true).describe('Whether archived conversations are read.'),
    includeTemporary: z.boolean().default(false).describe('Whether temporary ones are: their owners wanted them gone.'),
    include: z
      .array(z.enum(includable))
      .default([])
      .describe(
        'What else of each user comes with `records: documents`: their `agents`, `assistants` and `prompts`, runs of tools from the ' +
          'interface (`toolcalls`), what was spent (`transactions`). With `agents` conversations say what their agent is called.',
      )
      .meta({ examples: [['agents', 'toolcalls']] }),
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
