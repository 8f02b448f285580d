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
import { parseBundleSummary, summaryCounts, type BundleSummary } from '../formats/bundle-summary.ts';
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
    differences.expect('manifest', MANIFEST_FILE, `exported_at, beside ${folder}`, exportedAt, summary.exported_at);
    sum = addBundleCounts(sum, summaryCounts(summary));
  }
  for (const name of ['branchPoints', 'orphans', 'empty', 'fileBytes', 'missingFiles'] as const)
    differences.expect('count', MANIFEST_FILE, name, counts[name], sum[name]);
  for (const name of ['repairs', 'losses'] as const) {
    for (const each of new Set([...Object.keys(counts[name]), ...Object.keys(sum[name])]))
      differences.expect('count', MANIFEST_FILE, `${name}, ${each}`, counts[name][each] ?? 0, sum[name][each] ?? 0);
  }
}

async function summaryOf(file: string): Promise<BundleSummary | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return parseBundleSummary(text);
}
