// Compiled, never run: types flow from stage to stage without annotations, and a wrong stage is an error at that stage.
import { PassThrough, Readable, Transform as NodeTransform, Writable } from 'node:stream';

import { pipeline, type Pipeline, type RunnablePipeline } from '../../src/pipeline.ts';
import type { Sink, Source, Transform } from '../../src/stage.ts';
import { fromIterable, throughRecords } from '../../src/streams.ts';
import { same } from './expect.ts';

interface Message {
  readonly id: string;
  readonly text: string;
}

interface Reply extends Message {
  readonly parentId: string;
}

declare const messages: Source<Message>;
declare const replies: Source<Reply>;
declare const lengths: Transform<Message, number>;
declare const rounded: Transform<number, number>;
declare const keepReplies: Transform<Message, Reply>;
declare const anything: Transform<unknown, unknown>;
declare const messageSink: Sink<Message>;
declare const numberSink: Sink<number>;
declare const anySink: Sink<unknown>;
declare function select<T>(keep: (record: T) => boolean): Transform<T, T>;
declare function change<In, Out>(to: (record: In) => Out): Transform<In, Out>;

export function infersThroughStages(): void {
  const start = pipeline(messages);
  same<typeof start, Pipeline<Message>>(true);
  const measured = start.through(keepReplies).through(lengths);
  same<typeof measured, Pipeline<number>>(true);
  const whole = measured.through(rounded).to(numberSink);
  same<typeof whole, RunnablePipeline>(true);
}

export function infersTheParametersOfInlineFunctions(): void {
  const kept = pipeline(messages).through(select((message) => message.text !== ''));
  same<typeof kept, Pipeline<Message>>(true);
  const sized = kept.through(change((message) => ({ id: message.id, size: message.text.length })));
  same<typeof sized, Pipeline<{ id: string; size: number }>>(true);
  // @ts-expect-error a message has no `body`
  pipeline(messages).through(select((message) => message.body !== ''));
}

export function infersFromIterablesAndGenerators(): void {
  const numbers = pipeline([1, 2, 3]);
  same<typeof numbers, Pipeline<number>>(true);
  const generated = pipeline(async function* () {
    yield await Promise.resolve({ id: 'a' });
  });
  same<typeof generated, Pipeline<{ id: string }>>(true);
  const listed = pipeline(fromIterable(new Set(['a'])));
  same<typeof listed, Pipeline<string>>(true);
  const doubled = numbers.through(async function* (records) {
    for await (const record of records) yield `${record * 2}`;
  });
  same<typeof doubled, Pipeline<string>>(true);
  const named = numbers.through(
    throughRecords(async function* (records: AsyncIterable<number>) {
      for await (const record of records) yield record > 1;
    }),
  );
  same<typeof named, Pipeline<boolean>>(true);
  numbers.to(async (records) => {
    for await (const record of records) same<typeof record, number>(true);
  });
}

export function takesPlainNodeStreams(): void {
  pipeline(Readable.from([1]))
    .through(new PassThrough({ objectMode: true }))
    .to(new Writable({ objectMode: true }));
  const changed = pipeline(messages).through(new NodeTransform({ objectMode: true }));
  same<typeof changed, Pipeline<unknown>>(true);
}

export function takesMoreThanAStageNeeds(): void {
  // A stage for messages takes replies, a sink for anything takes everything.
  pipeline(replies).through(lengths).to(anySink);
  pipeline(replies).to(messageSink);
  pipeline(messages).through(anything).to(anySink);
}

export function refusesAWrongStageWhereItStands(): void {
  // @ts-expect-error `rounded` takes numbers, the source gives messages
  pipeline(messages).through(rounded);
  // @ts-expect-error the sink takes messages, `lengths` gives numbers
  pipeline(messages).through(lengths).to(messageSink);
  // @ts-expect-error not every message is a reply
  pipeline(messages).to(async (records: AsyncIterable<Reply>) => void records);
  // @ts-expect-error what is unknown must be parsed before it is a message
  pipeline(messages).through(anything).to(messageSink);
  // @ts-expect-error a pipeline without a sink cannot run
  pipeline(messages).run();
  // @ts-expect-error a sink is not a transform
  pipeline(messages).through(messageSink);
  // @ts-expect-error a transform is not a source
  pipeline(lengths);
  // @ts-expect-error nothing comes after the sink
  pipeline(messages).to(messageSink).through(lengths);
}

export function refusesWrongOptions(): void {
  // @ts-expect-error a reject policy is `stop` or names a file
  pipeline(messages, { onReject: 'ignore' });
  // @ts-expect-error there is no such option
  pipeline(messages, { nmae: 'typo' });
  // @ts-expect-error a limit is a number of records
  void pipeline(messages).to(messageSink).run({ limit: '10' });
}
