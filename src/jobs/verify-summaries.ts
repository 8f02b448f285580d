import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  addBundleCounts,
  CHECKSUMS_FILE,
  INDEX_FILE,
  MANIFEST_FILE,
  noBundleCounts,
  SUMMARY_FILE,
  USERS_FILE,
  type BundleCounts,
  type BundleManifest,
} from '../formats/bundle.ts';
import type { Differences } from './verify-report.ts';

/**
 * Compares the manifest, which nothing has a digest of, with what else says the same: the summaries of the folders, whose digests
 * are in the checksums. What they say of chats, messages and files is compared with these themselves.
 */
export async function verifySummaries(
  path: string,
  manifest: BundleManifest,
  folders: ReadonlySet<string>,
  differences: Differences,
): Promise<void> {
  const { kind, since, layout, counts, files, exported_at: exportedAt } = manifest;
  for (const name of [USERS_FILE, INDEX_FILE, CHECKSUMS_FILE]) {
    if (files[name] === undefined) differences.add('manifest', MANIFEST_FILE, `does not name ${name} among its files`);
  }
  differences.expect('manifest', MANIFEST_FILE, 'kind', kind, since === undefined ? 'full' : 'delta');
  if (folders.size > 0)
    differences.expect('manifest', MANIFEST_FILE, 'layout', layout, folders.has('.') ? 'single' : 'users');
  let sum: BundleCounts = noBundleCounts;
  for (const folder of folders) {
    const summary = await summaryOf(join(path, folder, SUMMARY_FILE));
    // That it is not there, or not as it was, is noted by its digest.
    if (summary === undefined) return;
    if (summary.exported_at !== exportedAt) {
      differences.expect('manifest', MANIFEST_FILE, `exported_at, beside ${folder}`, exportedAt, summary.exported_at);
    }
    sum = addBundleCounts(sum, {
      branchPoints: summary.branch_points,
      orphans: summary.orphans,
      empty: summary.empty_conversations,
      fileBytes: summary.file_bytes,
      missingFiles: summary.missing_file_count,
      repairs: summary.repairs,
      losses: summary.losses,
    });
  }
  for (const name of ['branchPoints', 'orphans', 'empty', 'fileBytes', 'missingFiles'] as const)
    differences.expect('count', MANIFEST_FILE, name, counts[name], sum[name]);
  for (const name of ['repairs', 'losses'] as const) {
    for (const each of new Set([...Object.keys(counts[name]), ...Object.keys(sum[name])]))
      differences.expect('count', MANIFEST_FILE, `${name}, ${each}`, counts[name][each] ?? 0, sum[name][each] ?? 0);
  }
}

/** What a summary of ours says. */
interface Summary {
  readonly exported_at: string;
  readonly branch_points: number;
  readonly orphans: number;
  readonly empty_conversations: number;
  readonly file_bytes: number;
  readonly missing_file_count: number;
  readonly repairs: Readonly<Record<string, number>>;
  readonly losses: Readonly<Record<string, number>>;
}

async function summaryOf(file: string): Promise<Summary | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Summary;
  } catch {
    return undefined;
  }
}
