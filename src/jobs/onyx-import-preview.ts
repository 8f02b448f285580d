import { closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import { storableText } from '../formats/postgres-text.ts';
import { conversationToOnyxBranches, type OnyxBranches } from '../mappings/conversation-to-onyx-branches.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import { findOwners } from '../sinks/onyx/owners.ts';
import { hasProvenance } from '../sinks/onyx/provenance.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import type { Transform } from '../stage.ts';

/** The database to look at, and how conversations would be taken. */
export interface OnyxPreviewOptions {
  readonly connectionString: string;
  readonly schema: string;
  readonly branches: OnyxBranches;
  readonly skipArchived: boolean;
}

/** What an import would find in Onyx: numbers of conversations. */
export interface OnyxPreview {
  readonly looked: number;
  /** Of these, imported before. */
  readonly imported: number;
  /** Left out for their branches, or as archived ones. */
  readonly leftOut: number;
  /** By address, in small letters: new ones whose owner has no account. */
  readonly missing: ReadonlyMap<string, number>;
  /** By the owner's id: new ones whose owner has no address. */
  readonly withoutEmail: ReadonlyMap<string, number>;
}

/**
 * Looks up in Onyx what comes by, and lets it through: which conversations were imported before, and who has no account.
 *
 * Reads only. `preview` is whole when the stream has ended.
 */
export function onyxPreview({ connectionString, schema, branches, skipArchived }: OnyxPreviewOptions): {
  readonly look: Transform<Conversation, Conversation>;
  readonly preview: OnyxPreview;
} {
  const missing = new Map<string, number>();
  const withoutEmail = new Map<string, number>();
  const preview = { looked: 0, imported: 0, leftOut: 0, missing, withoutEmail };
  const add = async (client: PostgresClient, records: readonly Conversation[]): Promise<void> => {
    const parts = records.map((record) => conversationToOnyxBranches(record, branches));
    const known = (await hasProvenance(client)) ? await importedOf(client, schema, parts) : new Set<string>();
    const owners = await findOwners(client, new Set(records.map(emailOf)));
    preview.looked += records.length;
    for (const [index, record] of records.entries()) {
      const chats = parts[index];
      const email = emailOf(record);
      if (chats?.length === 0 || (skipArchived && record.archived)) preview.leftOut += 1;
      else if (chats?.every(({ key }) => known.has(key)) === true) preview.imported += 1;
      else if (email === '') increase(withoutEmail, record.owner.id);
      else if (!owners.has(email)) increase(missing, email);
    }
  };
  return {
    preview,
    look: {
      role: 'transform',
      name: 'look',
      async *apply(batches, { signal }) {
        const client = await openPostgres(connectionString);
        try {
          await useSchema(client, schema);
          for await (const batch of batches) {
            signal.throwIfAborted();
            await add(client, batch.records.map(asConversation)).catch((error: unknown) => {
              throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
            });
            yield batch;
          }
        } finally {
          await closePostgres(client);
        }
      },
    },
  };
}

async function importedOf(
  client: PostgresClient,
  schema: string,
  parts: readonly (readonly Conversation[] | undefined)[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ key: string }>(
    'select key from etl.onyx_chat where schema = $1 and key = any($2)',
    [schema, parts.flatMap((chats) => (chats ?? []).map(({ key }) => storableText(key, 'strip', () => undefined)))],
  );
  return new Set(rows.map(({ key }) => key));
}

function increase(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function emailOf({ owner }: Conversation): string {
  return owner.email?.toLowerCase() ?? '';
}
