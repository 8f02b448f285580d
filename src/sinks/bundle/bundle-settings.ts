import type { FileDownloads } from '../../connections/file-downloads.ts';

/** What the parts of the bundle sink have to know of its options. */
export interface BundleSettings {
  readonly gzipLevel: number | undefined;
  /** `.gz` in a compressed bundle, else nothing. */
  readonly ending: '' | '.gz';
  readonly assetRoots: readonly string[];
  readonly copyFiles: boolean;
  readonly concurrency: number;
  /** Absent: nothing is fetched by links. */
  readonly downloads: FileDownloads | undefined;
  readonly signal: AbortSignal;
}
