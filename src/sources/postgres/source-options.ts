import { z } from 'zod';

import { batchBytes, batchSize } from '../../files/file-source-options.ts';

const keyValues = z.array(z.union([z.string(), z.number()]).transform(String)).min(1);

/** The options of the source `postgres`. */
export const postgresSourceOptions = z
  .strictObject({
    connectionString: z
      .string()
      .describe('Where the database is.')
      .meta({ secret: true, examples: ['${DATABASE_URL}'] }),
    table: z
      .string()
      .optional()
      .describe('Table or view to read: `name` or `schema.name`.')
      .meta({ examples: ['messages', 'chat.messages'] }),
    query: z
      .string()
      .optional()
      .describe('A SELECT to read instead of a table. It runs in a session that cannot write.')
      .meta({ examples: ['select m.*, c.title from messages m join chats c on c.id = m.chat_id'] }),
    where: z
      .string()
      .optional()
      .describe('Which rows of the table: a condition in SQL.')
      .meta({ examples: ["created_at >= '2025-01-01'"] }),
    columns: z.array(z.string()).min(1).optional().describe('Which columns, in the order of the table. Left out: all.'),
    document: z
      .string()
      .optional()
      .describe('A column whose JSON is the record itself, in place of a record of columns.')
      .meta({ examples: ['doc'] }),
    key: z
      .array(z.string())
      .min(1)
      .optional()
      .describe(
        'Columns to read in the order of and to resume after, best with an index. Left out: the primary key. A query without a key is read in one go and cannot be resumed.',
      ),
    after: keyValues
      .optional()
      .describe('Reads only rows after this key, for reading a table in parts.')
      .meta({ examples: [[1000000]] }),
    until: keyValues
      .optional()
      .describe('Reads only rows up to this key, which is read too.')
      .meta({ examples: [[2000000]] }),
    numbers: z
      .enum(['number', 'string'])
      .default('number')
      .describe(
        'How bigint and numeric are written. Numbers keep all digits in JSON text, but a stage that computes has 15 to 17 of them; strings keep them everywhere.',
      ),
    snapshot: z
      .boolean()
      .default(false)
      .describe(
        'Reads everything as it is at the start, in one transaction, which keeps the server from cleaning up meanwhile. A broken connection then ends the run; a resumed one has a snapshot of its own.',
      ),
    pageRecords: z.int().positive().default(10_000).describe('Rows in one statement.'),
    statementTimeoutMs: z
      .int()
      .nonnegative()
      .default(0)
      .describe('Longest time for one statement, a page being sent included. 0: no limit.'),
    batchSize,
    batchBytes,
  })
  .superRefine(({ table, query, where, after, until, key }, ctx) => {
    const issue = (path: string, message: string): void => ctx.addIssue({ code: 'custom', path: [path], message });
    if ((table === undefined) === (query === undefined)) issue('table', 'expected either "table" or "query"');
    if (query !== undefined && where !== undefined) issue('where', 'belongs to "table"; put it into the query');
    for (const [name, range] of Object.entries({ after, until })) {
      if (range !== undefined && query !== undefined && key === undefined) issue(name, 'needs a "key"');
      if (range !== undefined && key !== undefined && range.length !== key.length)
        issue(name, `expected ${key.length} values, one for each column of the key`);
    }
  });

/** They, with the defaults filled in. */
export type PostgresReading = z.output<typeof postgresSourceOptions>;
