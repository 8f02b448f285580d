import { hash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { canonicalJson } from '../canonical-json.ts';
import { systemCode } from '../errors.ts';
import { bundleFolders } from '../files/bundle-folders.ts';
import { inputError } from '../files/file-error.ts';
import { CHECKSUMS_FILE, MANIFEST_FILE } from '../formats/bundle.ts';
import type { Json } from '../json.ts';
import type { Conversation } from '../models/conversation.ts';
import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import { onyxSink, type OnyxSinkOptions } from '../sinks/onyx.ts';
import { bundleSource } from '../sources/bundle.ts';
import type { Transform } from '../stage.ts';
import { limit } from '../transforms/limit.ts';
import { map } from '../transforms/map.ts';

/** What to import, and how: the options of the `bundle` source and the `onyx` sink under their own names. */
export interface OnyxImportOptions {
  /** Only the chats of these people. */
  readonly userEmail?: readonly string[] | undefined;
  readonly sink: OnyxSinkOptions;
  /** Whose account all of the chats go to, instead of their owners'. For the bundle of one person; see `requireOneOwner`. */
  readonly owner?: string | undefined;
  /** Only the first so many conversations. */
  readonly maxConversations?: number | undefined;
  /** People without an account: what was left out of an import is not left out of the next when they have got one. */
  readonly withoutAccount?: readonly string[] | undefined;
  /** Looks at what would be written, as it comes to the sink. */
  readonly look?: Transform<Conversation, Conversation> | undefined;
  /** Where conversations go that Onyx's database refuses; a file of the run's own when none is named. */
  readonly rejects?: string | undefined;
  readonly maxRejects?: number | undefined;
}

/**
 * The pipeline that brings the bundle at `path` into Onyx.
 *
 * Its name tells what is imported: another bundle in the same place, or other chats out of it, is a run of its own in Onyx's
 * database, and never one that was finished before. Chats that both hold arrive once all the same.
 *
 * @throws {EtlError} what the `bundle` source throws for a folder that is none.
 */
export async function onyxImport(path: string, options: OnyxImportOptions): Promise<PipelinePlan> {
  const { userEmail, sink, owner, maxConversations, look, maxRejects } = options;
  const name = await runName(path, options);
  let chats = pipeline<Conversation>(
    bundleSource({ path, records: 'conversations', ...(userEmail !== undefined && { userEmail: [...userEmail] }) }),
    { name, onReject: { to: options.rejects ?? join('.etl', `${name}.rejects.jsonl`), max: maxRejects } },
  );
  if (maxConversations !== undefined) chats = chats.through(limit({ records: maxConversations }));
  // By an expression and not by a function: it is part of what makes a repeated command the same run.
  if (owner !== undefined) chats = chats.through(ownedBy(owner));
  if (look !== undefined) chats = chats.through(look);
  return chats.to(onyxSink(sink)).plan;
}

function ownedBy(email: string): Transform<Conversation, Conversation> {
  const to = `$merge([$, {"owner": $merge([owner, {"email": ${JSON.stringify(email)}}])}])`;
  // An expression's value can be anything; this one's is the record with another owner.
  return map({ to }) as Transform<Conversation, Conversation>;
}

async function runName(path: string, options: OnyxImportOptions): Promise<string> {
  const folder = resolve(path);
  const { userEmail = null, owner = null, maxConversations = null, withoutAccount = [], sink } = options;
  const what = {
    folder,
    bundle: await bundleIdentity(folder),
    userEmail,
    owner,
    maxConversations,
    users: sink.users ?? null,
    withoutAccount,
  };
  const name = basename(folder).replaceAll(/[^\w.@-]+/g, '_');
  return `onyx-import-${name}-${hash('sha256', canonicalJson(what)).slice(0, 8)}`;
}

/**
 * Which bundle this is: by its manifest and its checksums, which name the content of each file; of those of other tools, and
 * of one user's folder, by size and time of the chats' files.
 */
async function bundleIdentity(path: string): Promise<Json> {
  const { path: folder, manifest, folders } = await bundleFolders(path);
  const files = await Promise.all(
    folders.map(async ({ name, conversations }) => {
      const { size, mtimeMs } = await stat(conversations);
      return manifest === undefined ? [name, size, mtimeMs] : [name, size];
    }),
  );
  if (manifest === undefined) return { files };
  return {
    files,
    digests: await Promise.all([MANIFEST_FILE, CHECKSUMS_FILE].map((file) => digestOf(join(folder, file)))),
  };
}

async function digestOf(file: string): Promise<string | null> {
  try {
    return hash('sha256', await readFile(file));
  } catch (error) {
    // A bundle without checksums is imported on demand.
    if (systemCode(error) === 'ENOENT') return null;
    throw inputError(error, file);
  }
}
