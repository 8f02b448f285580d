/** What the parts of the bundle sink have to know of its options. */
export interface BundleSettings {
  readonly gzipLevel: number | undefined;
  /** `.gz` in a compressed bundle, else nothing. */
  readonly ending: '' | '.gz';
  readonly assetRoots: readonly string[];
  readonly copyFiles: boolean;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}
