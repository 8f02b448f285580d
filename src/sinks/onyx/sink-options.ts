import { z } from 'zod';

import { personaOption } from './personas.ts';

/** The options of the sink `onyx`. */
export const onyxSinkOptions = z
  .strictObject({
    connectionString: z
      .string()
      .describe("Where Onyx's database is.")
      .meta({ secret: true, examples: ['${ONYX_DATABASE_URL}'] }),
    schema: z
      .string()
      .min(1)
      .default('public')
      .describe("The schema with Onyx's tables; with several tenants, the tenant's.")
      .meta({ examples: ['public'] }),
    branches: z
      .enum(['tree', 'split', 'active', 'skip'])
      .default('tree')
      .describe(
        'A conversation with several branches: one chat with all of them, as Onyx shows them; a chat for each; a chat of the shown branch; or left out.',
      ),
    users: z
      .enum(['require', 'create', 'skip'])
      .default('require')
      .describe(
        'A conversation whose owner has no account of that e-mail address: stop, make an account, or leave the conversation out.',
      ),
    persona: personaOption
      .default(0)
      .describe('The assistant that imported chats belong to: its id, or a map. 0 is the built-in one.')
      .meta({ examples: [0] }),
    projects: z
      .enum(['project', 'tag', 'drop'])
      .default('project')
      .describe(
        "Projects of Onyx that chats go into, which shows them there only: the source's project; that, or else the first tag; or none.",
      ),
    archived: z
      .enum(['keep', 'project', 'skip'])
      .default('keep')
      .describe('Archived conversations: as others, into a project "Archived", or left out.'),
    files: z
      .union([
        z.literal('off'),
        z.strictObject({
          apiBase: z
            .string()
            .min(1)
            .describe("Where Onyx's API is.")
            .meta({ examples: ['${ONYX_API_BASE}'] }),
          apiKey: z
            .string()
            .min(1)
            .describe('An API key, or a personal token.')
            .meta({ secret: true, examples: ['${ONYX_API_KEY}'] }),
          roots: z
            .array(z.string().min(1))
            .default([])
            .describe('Folders the files are in: of a bundle, its own. Nothing outside them is ever opened.')
            .meta({ examples: [['./bundle']] }),
        }),
      ])
      .default('off')
      .describe('How files of questions are uploaded, each content once; `off`: they are left behind.'),
    longText: z
      .enum(['split', 'cut', 'reject'])
      .default('split')
      .describe(
        'A text of too many different words for the search column: spread it over messages, cut it and attach the whole as a file (needs `files`), or reject the conversation.',
      ),
    connections: z.int().min(1).max(16).default(1).describe('Connections to write over at the same time.'),
    batchRecords: z
      .int()
      .positive()
      .default(500)
      .describe('Conversations in a transaction, at most (by whole batches).'),
    batchBytes: z
      .int()
      .positive()
      .default(2 * 1024 * 1024)
      .describe('Size of the texts in a transaction, at most (by whole batches).'),
  })
  .refine(({ longText, files }) => longText !== 'cut' || files !== 'off', {
    path: ['longText'],
    message: 'to cut a text and attach the whole, `files` has to say where to upload it',
  });

/** They, with the defaults filled in. */
export type OnyxWriting = z.output<typeof onyxSinkOptions>;
