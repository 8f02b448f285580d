import { fileLedger, ledgerDirectory } from '../ledger/file.ts';
import type { Ledger } from '../stage.ts';
import { outputError } from './file-error.ts';

/** The ledger of a run into the file or folder `path`: a folder beside it, `<path>.etl/`. See {@link folderLedger}. */
export function targetLedger(path: string): Ledger {
  return folderLedger(ledgerDirectory(path));
}

/** A ledger in `directory`. What keeps it from being written is told as for the target itself: `ETL_SINK_FAILED`. */
export function folderLedger(directory: string): Ledger {
  const ledger = fileLedger(directory);
  const explained = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw outputError(error, directory, {
        hint: 'The progress of the run is kept there. Remove the cause and run the same command again.',
      });
    }
  };
  return { ...ledger, open: () => explained(ledger.open()), save: (progress) => explained(ledger.save(progress)) };
}
