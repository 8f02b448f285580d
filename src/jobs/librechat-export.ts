import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { canonicalJson } from '../canonical-json.ts';
import { EtlError, systemCode } from '../errors.ts';
import { readManifest } from '../files/bundle-folders.ts';
import { ledgerDirectory } from '../ledger/file.ts';
import { wantedUsers } from '../librechat/wanted-users.ts';
import type { Conversation } from '../models/conversation.ts';
import { pipeline } from '../pipeline.ts';
import { identityOf, type PipelinePlan } from '../plan.ts';
import type { RejectPolicy } from '../rejects.ts';
import { bundleSink, type BundleSinkOptions } from '../sinks/bundle.ts';
import { librechatSource, type LibrechatSourceOptions } from '../sources/librechat.ts';
import { linearize, type LinearizeOptions } from '../transforms/linearize.ts';

export { includable } from '../librechat/librechat-input.ts';

/** What to export, and how: the options of the `librechat` source and the `bundle` sink under their own names. */
export interface LibrechatExportOptions {
  /** The LibreChat: a URI or a dump. */
  readonly source: Pick<LibrechatSourceOptions, 'uri' | 'from' | 'database' | 'readPreference' | 'acceptTruncated'>;
  /** Whose and which conversations; kept in the bundle, so that it can be compared with its source later. */
  readonly scope: Pick<
    LibrechatSourceOptions,
    'users' | 'conversation' | 'maxConversations' | 'since' | 'includeArchived' | 'includeTemporary' | 'include'
  >;
  readonly sink: Pick<
    BundleSinkOptions,
    'assetRoots' | 'copyFiles' | 'download' | 'layout' | 'compress' | 'since' | 'exportedAt'
  >;
  /** `all`: every document as it is in the database. Otherwise conversations along their active branch, or one a branch. */
  readonly branches?: 'all' | 'active' | 'split' | undefined;
  readonly onReject?: RejectPolicy | undefined;
}

/** The pipeline that writes a LibreChat to a bundle at `path`. */
export function librechatExport(path: string, options: LibrechatExportOptions): PipelinePlan {
  const { source, scope, sink, branches = 'all', onReject } = options;
  const named = { name: 'librechat-export', onReject };
  const bundle = bundleSink({
    ...sink,
    path,
    scope: asJson(branches === 'all' ? scope : { ...scope, branches }),
  });
  if (branches === 'all')
    return pipeline(librechatSource({ ...source, ...scope, records: 'documents' }), named).to(bundle).plan;
  const how: LinearizeOptions = { branches };
  return pipeline<Conversation>(librechatSource({ ...source, ...scope, records: 'conversations' }), named)
    .through(linearize(how))
    .to(bundle).plan;
}

/**
 * The folder for the next export in `outputDir`: that of an unfinished one of the same options, which then goes on, else a new
 * one named after `now`.
 */
export async function exportFolder(outputDir: string, options: LibrechatExportOptions, now: Date): Promise<string> {
  for (const name of (await exportsIn(outputDir)).reverse()) {
    const path = join(outputDir, name);
    const plan = librechatExport(path, options);
    const identity = identityOf(plan);
    const progress = await plan.sink.ledger?.(identity).peek();
    if (progress?.status === 'running' && progress.digest === identity.digest) return path;
  }
  return join(outputDir, `export_${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_')}`);
}

/**
 * The users that are named one by one and in a file, for a scope: so that the bundle's manifest holds them itself, whatever
 * becomes of the file.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is no such file, `ETL_SOURCE_INVALID` when it names nobody.
 */
export async function namedUsers(users: readonly string[], usersFile: string | undefined): Promise<string[]> {
  return [...((await wantedUsers({ users, usersFile })) ?? [])];
}

/** Where records that cannot be read go, unless somewhere else is named: beside the progress of the export at `path`. */
export function exportRejects(path: string): string {
  return join(ledgerDirectory(path), 'rejects.jsonl');
}

/**
 * The last complete export in `outputDir`; with `scope` the last one of these users and options, which a delta is made against.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is none.
 */
export async function lastExport(outputDir: string, scope?: LibrechatExportOptions['scope']): Promise<string> {
  for (const name of (await exportsIn(outputDir)).reverse()) {
    const path = join(outputDir, name);
    const manifest = await readManifest(path);
    const isMeant = scope === undefined || canonicalJson(manifest?.scope ?? null) === canonicalJson(asJson(scope));
    if (manifest !== undefined && isMeant) return path;
  }
  const which = scope === undefined ? '' : ' of the same users and options';
  throw new EtlError('ETL_SOURCE_NOT_FOUND', `there is no complete export${which} in ${outputDir}`, {
    where: { file: outputDir },
    hint: 'Make a full one first: the same command without --since-last.',
  });
}

/** Options as they stand in a bundle's manifest. */
function asJson(
  scope: LibrechatExportOptions['scope'] & { readonly branches?: string },
): NonNullable<BundleSinkOptions['scope']> {
  return JSON.parse(JSON.stringify(scope)) as NonNullable<BundleSinkOptions['scope']>;
}

/** Exports by the time they were begun: folders, or what is left of those whose folder was never made. */
async function exportsIn(outputDir: string): Promise<string[]> {
  try {
    const names = (await readdir(outputDir)).map((name) => name.replace(/\.etl$/, ''));
    return [...new Set(names)].filter((name) => /^export_\d{8}_\d{6}$/.test(name)).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
