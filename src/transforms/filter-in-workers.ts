import { functionModule, type FunctionModule } from '../workers/function-module.ts';
import type { Transform } from '../stage.ts';
import { workInThreads, type WorkInThreadsOptions } from '../workers/work-in-threads.ts';

export type FilterInWorkersOptions = FunctionModule & Partial<WorkInThreadsOptions>;

/**
 * Keeps the records for which a condition holds, in threads: {@link filter} for conditions that take longer than parsing a
 * record. The function comes from a module and gets a record as {@link mapInWorkers} says; kept records are passed on as they
 * were read.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when the module does not export the function, `ETL_WORKER_FAILED` when a thread ends
 *   before its time.
 */
export function filterInWorkers<T>(options: FilterInWorkersOptions): Transform<T, T> {
  const { by, config } = functionModule(options);
  const { workers = 2 } = options;
  return {
    role: 'transform',
    name: 'filter',
    config,
    holdsNothing: true,
    apply: (input, ctx) => workInThreads<T, T>(input, { does: 'filter', by }, { ...options, workers }, ctx),
  };
}
