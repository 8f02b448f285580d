import { closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import { conversationToOnyxBranches } from '../mappings/conversation-to-onyx-branches.ts';
import { conversationToOnyx } from '../mappings/conversation-to-onyx.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import { pipeline } from '../pipeline.ts';
import { probeOnyx, type OnyxDatabase } from '../sinks/onyx/generation.ts';
import { findOwners } from '../sinks/onyx/owners.ts';
import { personaIn } from '../sinks/onyx/personas.ts';
import { hasProvenance } from '../sinks/onyx/provenance.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import type { Source } from '../stage.ts';
import { compareOnyxChat, type OnyxDifference, type OnyxDifferenceKind } from './onyx-verify-chat.ts';
import { readStoredChats, type ImportOptions } from './onyx-verify-rows.ts';

export type { OnyxDifference, OnyxDifferenceKind } from './onyx-verify-chat.ts';

/** How to compare. */
export interface OnyxVerifyOptions {
  readonly connectionString: string;
  readonly schema?: string;
  readonly signal?: AbortSignal;
  /** Whose account all chats were imported into, instead of their owners'. */
  readonly owner?: string | undefined;
  /** Differences that are described; all are counted. Default 100. */
  readonly maxDifferences?: number;
}

/** What `etl onyx verify` found. */
export interface OnyxVerifyReport {
  readonly schema: 'threadmill/onyx-verify@1';
  readonly ok: boolean;
  readonly checked: { readonly conversations: number; readonly chats: number; readonly messages: number };
  /** Conversations that the import left out on purpose, by its options. */
  readonly leftOut: number;
  readonly differences: {
    readonly total: number;
    readonly byKind: Readonly<Partial<Record<OnyxDifferenceKind, number>>>;
    readonly first: readonly OnyxDifference[];
  };
}

/**
 * Compares conversations with the chats they became in Onyx: their number, owners, titles and times, the shape and the order
 * of each tree, texts by digest, tool calls, citations, feedback, files.
 *
 * Each row that is not as it was imported is named, also when a person has changed it since. How conversations were mapped
 * is taken from the import itself. Memory holds a batch.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when nothing was ever imported; as the source and the database do.
 */
export async function verifyOnyx(source: Source<Conversation>, options: OnyxVerifyOptions): Promise<OnyxVerifyReport> {
  const { connectionString, schema = 'public', signal, owner, maxDifferences = 100 } = options;
  const checked = { conversations: 0, chats: 0, messages: 0 };
  let leftOut = 0;
  let total = 0;
  const byKind: Partial<Record<OnyxDifferenceKind, number>> = {};
  const first: OnyxDifference[] = [];
  const add = (difference: OnyxDifference): void => {
    total += 1;
    byKind[difference.kind] = (byKind[difference.kind] ?? 0) + 1;
    if (first.length < maxDifferences) first.push(difference);
  };
  const client = await openPostgres(connectionString);
  try {
    const comparison = await Comparison.open(client, schema);
    const verify = async (records: readonly Conversation[]): Promise<void> => {
      const result = await comparison.compare(records);
      checked.conversations += records.length;
      checked.chats += result.chats;
      checked.messages += result.messages;
      leftOut += result.leftOut;
      result.differences.forEach(add);
    };
    await pipeline(source, { name: 'onyx-verify' })
      .to(async (records: AsyncIterable<Conversation>) => {
        let some: Conversation[] = [];
        let size = 0;
        for await (const record of records) {
          some.push(ownedBy(asConversation(record), owner));
          size += record.messages.length;
          if (size < messagesAtOnce) continue;
          await verify(some);
          [some, size] = [[], 0];
        }
        if (some.length > 0) await verify(some);
      })
      .run(signal === undefined ? {} : { signal });
  } catch (error) {
    throw postgresError(error, 'ETL_SOURCE_INVALID', connectionString);
  } finally {
    await closePostgres(client);
  }
  const differences = { total, byKind, first };
  return { schema: 'threadmill/onyx-verify@1', ok: total === 0, checked, leftOut, differences };
}

function ownedBy(record: Conversation, email: string | undefined): Conversation {
  return email === undefined ? record : { ...record, owner: { ...record.owner, email } };
}

const messagesAtOnce = 2000;

interface Compared {
  readonly chats: number;
  readonly messages: number;
  readonly leftOut: number;
  readonly differences: readonly OnyxDifference[];
}

class Comparison {
  readonly #client: PostgresClient;
  readonly #schema: string;
  readonly #database: OnyxDatabase;
  /** Of the latest import: what it leaves out on purpose. */
  readonly #latest: ImportOptions;

  private constructor(client: PostgresClient, schema: string, database: OnyxDatabase, latest: ImportOptions) {
    this.#client = client;
    this.#schema = schema;
    this.#database = database;
    this.#latest = latest;
  }

  static async open(client: PostgresClient, schema: string): Promise<Comparison> {
    await useSchema(client, schema);
    const database = await probeOnyx(client, schema, ['read']);
    const { rows } = (await hasProvenance(client))
      ? await client.query<{ options: ImportOptions }>(
          'select options from etl.onyx_load where schema = $1 order by loaded_at desc limit 1',
          [schema],
        )
      : { rows: [] };
    const [latest] = rows;
    if (latest === undefined)
      throw new EtlError('ETL_SOURCE_NOT_FOUND', `nothing was imported into schema "${schema}" of this Onyx yet`, {
        hint: 'See `etl onyx import`.',
      });
    return new Comparison(client, schema, database, latest.options);
  }

  async compare(records: readonly Conversation[]): Promise<Compared> {
    const stored = await this.#read(records.map(({ key }) => key));
    const parts = records.map((record) => {
      const options = stored.get(record.key)?.options ?? this.#latest;
      return { record, options, chats: conversationToOnyxBranches(record, options.branches) ?? [] };
    });
    const more = parts.flatMap(({ chats }) => chats.map(({ key }) => key)).filter((key) => !stored.has(key));
    for (const [key, chat] of await this.#read(more)) stored.set(key, chat);
    const emails = new Set(records.map(emailOf).filter((email) => email !== ''));
    const owners = await findOwners(this.#client, emails);
    const found = { chats: 0, messages: 0, leftOut: 0, differences: [] as OnyxDifference[] };
    for (const { record, options, chats } of parts) {
      const isThere = chats.some(({ key }) => stored.has(key));
      if (!isThere && isLeftOut(record, chats, options, owners)) {
        found.leftOut += 1;
        continue;
      }
      for (const part of chats.length === 0 ? [record] : chats) {
        const chat = stored.get(part.key);
        if (chat === undefined) {
          found.differences.push({
            kind: 'missing',
            key: part.key,
            sessionId: null,
            messageId: null,
            sourceId: null,
            fields: [],
          });
          continue;
        }
        const { projects, archived, files } = options;
        const mapping = { projects, archived: archived === 'project' ? archived : 'keep', files } as const;
        const planned = conversationToOnyx(part, mapping).chat;
        found.chats += 1;
        found.messages += planned.messages.length;
        const persona = options.personas && personaIn(options.personas, record);
        found.differences.push(
          ...compareOnyxChat(
            { chat: planned, email: record.owner.email, persona, files: part.files },
            chat,
            this.#database,
          ),
        );
      }
    }
    return found;
  }

  #read(keys: readonly string[]): ReturnType<typeof readStoredChats> {
    return readStoredChats(this.#client, this.#schema, this.#database, keys);
  }
}

/** Whether an import with these options writes nothing of a conversation. */
function isLeftOut(
  record: Conversation,
  chats: readonly Conversation[],
  { archived, users }: ImportOptions,
  owners: ReadonlyMap<string, string>,
): boolean {
  if (archived === 'skip' && record.archived) return true;
  if (chats.length === 0) return true;
  return users !== 'require' && !owners.has(emailOf(record));
}

function emailOf({ owner }: Conversation): string {
  return owner.email?.toLowerCase() ?? '';
}
