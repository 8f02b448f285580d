import { noBundleCounts, type BundleCounts, type BundleIndexEntry } from '../../formats/bundle.ts';
import type { Lengths } from './journalled-files.ts';
import type { SectionState } from './user-section.ts';

/** Where a bundle stood at a commit. */
export interface BundleState {
  readonly exportedAt: string;
  /** Records written. */
  readonly records: number;
  /** Bytes read: commits are counted from it, so that a resumed run makes them at the same places. */
  readonly read: number;
  /** Of the folders that are complete. */
  readonly counts: BundleCounts;
  /** Bytes in the folders that are complete. */
  readonly completeBytes: number;
  /** The files at the top. */
  readonly lengths: Lengths;
  readonly section: SectionState | null;
  /** How far the chats have been compared with those of the bundle before. */
  readonly compared: Pick<BundleIndexEntry, 'user' | 'key'> | null;
}

/** What a run begins with. */
export function newBundleState(exportedAt: string): BundleState {
  return {
    exportedAt,
    records: 0,
    read: 0,
    counts: noBundleCounts,
    completeBytes: 0,
    lengths: {},
    section: null,
    compared: null,
  };
}

/** Bytes of a bundle on the disk, copied files with them. */
export function bundleBytes({
  completeBytes,
  lengths,
  section,
}: Pick<BundleState, 'completeBytes' | 'lengths' | 'section'>): number {
  const lines = [...Object.values(lengths), ...Object.values(section?.lengths ?? {})];
  return lines.reduce((sum, length) => sum + length, completeBytes + (section?.counts.fileBytes ?? 0));
}
