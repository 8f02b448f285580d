export { sampleSource, type SampleOptions } from './sample-source.ts';
export { type IfExistsMode } from './sample-run.ts';
export { testSink, type MakeSink, type SinkContract } from './test-sink.ts';
export { testSource, type MakeSource, type SourceContract } from './test-source.ts';
