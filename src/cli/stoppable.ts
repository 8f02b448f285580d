import { EtlError } from '../errors.ts';
import { listenForInterrupts, type Interrupts } from './interrupts.ts';
import type { Cli } from './io.ts';

/**
 * Does work that Ctrl-C ends: what it throws because of that becomes `ETL_ABORTED`. `what` is said of it: "the check".
 *
 * @throws {EtlError} `ETL_ABORTED`; what `work` throws.
 */
export async function stoppable<T>(
  cli: Cli,
  what: string,
  work: (interrupts: Pick<Interrupts, 'stop' | 'abort'>) => Promise<T>,
): Promise<T> {
  const { stop, abort, end } = listenForInterrupts(cli, (text) => cli.say(text));
  try {
    return await work({ stop, abort });
  } catch (error) {
    if (!stop.aborted || error instanceof EtlError) throw error;
    throw new EtlError('ETL_ABORTED', `${what} was stopped`, { cause: error });
  } finally {
    end();
  }
}
