import { once } from 'node:events';
import { Duplex, Writable } from 'node:stream';

import { recordCount } from './batch.ts';
import type { Batch, Commit, Sink, Source, StageContext, Transform } from './stage.ts';

/** Records one by one: a generator function that can stand where a transform can. */
export type RecordFunction<in In, out Out> = (records: AsyncIterable<In>) => AsyncIterable<Out>;
/** What `pipeline()` takes: a source, or anything that gives records one by one: a Readable of objects, a generator function. */
export type SourceLike<T> = Source<T> | AsyncIterable<T> | Iterable<T> | (() => AsyncIterable<T> | Iterable<T>);
/** What `to()` takes: a sink, a Writable of objects, or a function that takes the records and resolves when they are safe. */
export type SinkLike<T> = Sink<T> | Writable | ((records: AsyncIterable<T>) => Promise<unknown>);

const batchSize = 500;

/** A source of records from any iterable, or from a generator function, 500 to a batch. It has no cursor: a repeated run starts over. */
export function fromIterable<T>(
  iterable: AsyncIterable<T> | Iterable<T> | (() => AsyncIterable<T> | Iterable<T>),
): Source<T> {
  return {
    role: 'source',
    name: 'iterable',
    async *read({ signal }) {
      let records: T[] = [];
      for await (const record of typeof iterable === 'function' ? iterable() : iterable) {
        signal.throwIfAborted();
        records.push(record);
        if (records.length < batchSize) continue;
        yield { records };
        records = [];
      }
      if (records.length > 0) yield { records };
    },
  };
}

/** A source from a Readable in object mode. */
export function fromReadable<T>(readable: AsyncIterable<T>): Source<T> {
  return { ...fromIterable(readable), name: 'readable' };
}

/**
 * A transform from a generator function over single records.
 *
 * It may keep, change, drop or add records; what is dropped counts as filtered, what is added as expanded. Which record of
 * the output belongs to which of the input is not known, so no cursor passes: a repeated run starts over.
 */
export function throughRecords<In, Out>(
  transform: RecordFunction<In, Out>,
  name = transform.name || 'records',
): Transform<In, Out> {
  return {
    role: 'transform',
    name,
    config: { function: transform.toString() },
    apply: (input, ctx) => recordwise(input, ctx, transform),
  };
}

/** A transform from a Duplex in object mode: records are written to it one by one. As for cursors, see {@link throughRecords}. */
export function throughDuplex<In, Out>(duplex: Duplex): Transform<In, Out> {
  async function* flow(records: AsyncIterable<In>): AsyncGenerator<Out> {
    const feeding = feed(records, duplex);
    // The reading loop below ends with the same error; without this the rejection would count as unhandled until then.
    feeding.catch(() => undefined);
    try {
      yield* duplex as AsyncIterable<Out>;
      await feeding;
    } finally {
      duplex.destroy();
    }
  }
  return { ...throughRecords(flow, 'duplex'), config: {} };
}

/** A sink from a Writable in object mode. Its records count as written when it has finished. */
export function toWritable<T>(writable: Writable): Sink<T> {
  return { ...toFunction<T>((records) => feed(records, writable)), name: 'writable' };
}

/** A sink from a function: its records count as written when its promise resolves. */
export function toFunction<T>(write: (records: AsyncIterable<T>) => Promise<unknown>): Sink<T> {
  return {
    role: 'sink',
    name: 'function',
    async *write(input) {
      let records = 0;
      async function* counted(): AsyncGenerator<T> {
        for await (const batch of input) {
          for (const record of batch.records) {
            records += 1;
            yield record;
          }
        }
      }
      await write(counted());
      yield { records } satisfies Commit;
    },
  };
}

/** Whatever `pipeline()` takes, as a source. */
export function toSource<T>(source: SourceLike<T>): Source<T> {
  return isStage<Source<T>>(source, 'source') ? source : fromIterable(source);
}

/** Whatever `through()` takes, as a transform. */
export function toTransform<In, Out>(
  transform: Transform<In, Out> | RecordFunction<In, Out> | Duplex,
): Transform<In, Out> {
  if (typeof transform === 'function') return throughRecords(transform);
  return transform instanceof Duplex ? throughDuplex<In, Out>(transform) : transform;
}

/** Whatever `to()` takes, as a sink. */
export function toSink<T>(sink: SinkLike<T>): Sink<T> {
  if (typeof sink === 'function') return toFunction(sink);
  return sink instanceof Writable ? toWritable(sink) : sink;
}

/** A transform that needs no await: `start` is called once a run and gives the function that turns one batch into the next. */
export function syncTransform<In, Out>(
  named: Pick<Transform<In, Out>, 'name' | 'config' | 'holdsNothing'>,
  start: (ctx: StageContext) => (batch: Batch<In>) => Batch<Out>,
): Transform<In, Out> {
  return {
    ...named,
    role: 'transform',
    start,
    async *apply(input, ctx) {
      const step = start(ctx);
      for await (const batch of input) {
        const result = step(batch);
        yield result.cursor === undefined && batch.cursor !== undefined
          ? { ...result, records: result.records, cursor: batch.cursor }
          : result;
      }
    },
  };
}

async function* recordwise<In, Out>(
  input: AsyncIterable<Batch<In>>,
  ctx: StageContext,
  transform: RecordFunction<In, Out>,
): AsyncGenerator<Batch<Out>> {
  let taken = 0;
  let given = 0;
  async function* single(): AsyncGenerator<In> {
    for await (const batch of input) {
      taken += recordCount(batch);
      yield* batch.records;
    }
  }
  let records: Out[] = [];
  for await (const record of transform(single())) {
    given += 1;
    records.push(record);
    if (records.length < batchSize) continue;
    yield { records };
    records = [];
  }
  if (records.length > 0) yield { records };
  ctx.count(taken > given ? 'filtered' : 'expanded', Math.abs(taken - given));
}

async function feed(records: AsyncIterable<unknown>, writable: Writable): Promise<void> {
  const failed = once(writable, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  for await (const record of records) {
    if (!writable.write(record)) await Promise.race([once(writable, 'drain'), failed]);
  }
  writable.end();
  if (!writable.writableFinished) await Promise.race([once(writable, 'finish'), failed]);
}

function isStage<S extends { role: string }>(value: unknown, role: S['role']): value is S {
  return value !== null && typeof value === 'object' && 'role' in value && value.role === role;
}
