import type { Duplex, Writable } from 'node:stream';

import type { RejectPolicy } from './rejects.ts';
import type { RunReport } from './report.ts';
import { runPipeline } from './run.ts';
import type { PipelinePlan } from './plan.ts';
import type { RunOptions } from './run-options.ts';
import type { Sink, Source, Transform } from './stage.ts';
import { toSink, toSource, toTransform, type RecordFunction, type SinkLike, type SourceLike } from './streams.ts';

/** What a pipeline is called and what it does with records it cannot process. */
export interface PipelineOptions {
  /** Names the run: the same name and configuration into the same target is the same run, and goes on where it was. */
  readonly name?: string | undefined;
  /** Default `stop`. */
  readonly onReject?: RejectPolicy | undefined;
}

/** A pipeline under construction: `T` is what flows out of it so far. */
export interface Pipeline<out T> {
  /** Adds a transform, a generator function over records, or a Duplex of objects. */
  through<Out>(transform: Transform<T, Out>): Pipeline<Out>;
  through<Out>(transform: RecordFunction<T, Out>): Pipeline<Out>;
  through(transform: Duplex): Pipeline<unknown>;
  /** Ends it with a sink, a Writable of objects, or a function that takes the records. */
  to(sink: Sink<T>): RunnablePipeline;
  to(writable: Writable): RunnablePipeline;
  to(write: (records: AsyncIterable<T>) => Promise<unknown>): RunnablePipeline;
}

/** A whole pipeline. */
export interface RunnablePipeline {
  readonly plan: PipelinePlan;
  /**
   * Runs it from where its last commit left it.
   *
   * @throws {EtlError} what went wrong; `reportOf(error)` is the run's report. What was committed stays, and calling `run`
   *   again goes on from there.
   */
  run(options?: RunOptions): Promise<RunReport>;
}

/**
 * Composes a pipeline, one step a call, in the direction the data flows.
 *
 * ```ts
 * await pipeline(jsonlSource({ path: 'in.jsonl' }), { name: 'tidy' })
 *   .through(filter((message) => message.text !== ''))
 *   .to(jsonlSink({ path: 'out.jsonl' }))
 *   .run();
 * ```
 *
 * Sources, transforms and sinks may also be plain Node streams, iterables and generator functions; a pipeline with such a
 * part has no cursors behind it, and a repeated run starts over.
 */
export function pipeline<T>(
  source: SourceLike<T>,
  { name = 'pipeline', onReject = 'stop' }: PipelineOptions = {},
): Pipeline<T> {
  return compose<T>(toSource(source), [], { name, onReject });
}

type AnyTransform = Transform<unknown, unknown>;

function compose<T>(
  source: Source<unknown>,
  transforms: readonly AnyTransform[],
  named: Pick<PipelinePlan, 'name' | 'onReject'>,
): Pipeline<T> {
  return {
    through<Out>(transform: Transform<T, Out> | RecordFunction<T, Out> | Duplex): Pipeline<Out> {
      // The types of neighbours were checked by the signature above; inside, all stages are of one kind.
      return compose<Out>(source, [...transforms, toTransform(transform) as AnyTransform], named);
    },
    to(sink: SinkLike<T>): RunnablePipeline {
      const plan: PipelinePlan = { ...named, source, transforms, sink: toSink(sink) as Sink<unknown> };
      return { plan, run: (options) => runPipeline(plan, options) };
    },
  };
}
