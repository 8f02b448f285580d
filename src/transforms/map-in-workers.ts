import { functionModule, type FunctionModule } from '../workers/function-module.ts';
import type { Transform } from '../stage.ts';
import { workInThreads, type WorkInThreadsOptions } from '../workers/work-in-threads.ts';

export type MapInWorkersOptions = FunctionModule & Partial<WorkInThreadsOptions>;

/**
 * Turns every record into another one, in threads: {@link map} for functions that take longer than parsing a record and
 * writing it, and pipelines in which one thread parses and writes all.
 *
 * A function cannot be sent to a thread; each loads it from `module`, which exports it as default or as `name`:
 *
 * ```ts
 * .through(mapInWorkers({ module: new URL('./tidy.js', import.meta.url), workers: 2 }))
 * ```
 *
 * The module is JavaScript (from Node 22.18 on, TypeScript too). The function gets a record and gives one, or a promise of
 * one; it must not depend on the records before, as each thread sees only some. Batches keep their order. Records travel as
 * JSON text: a Date, or what else JSON does not have, is its JSON form for the function and for the stages after it; a record
 * without one is rejected. All else is as with `map`: rejects, counts, the bytes that are written, where a run goes on.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when the module does not export the function, `ETL_WORKER_FAILED` when a thread ends
 *   before its time.
 */
export function mapInWorkers<In, Out>(options: MapInWorkersOptions): Transform<In, Out> {
  const { by, config } = functionModule(options);
  const { workers = 2 } = options;
  return {
    role: 'transform',
    name: 'map',
    config,
    holdsNothing: true,
    apply: (input, ctx) => workInThreads<In, Out>(input, { does: 'map', by }, { ...options, workers }, ctx),
  };
}
