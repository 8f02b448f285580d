import { fileLedger, ledgerDirectory } from '../ledger/file.ts';
import type { Ledger } from '../stage.ts';
import { outputError } from './file-error.ts';

/**
 * The ledger of a run into the file `path`: a folder beside it, `<path>.etl/`. What keeps it from being written is told as
 * for the target itself: `ETL_SINK_FAILED`.
 */
export function targetLedger(path: string): Ledger {
  const directory = ledgerDirectory(path);
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
