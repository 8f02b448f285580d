export { sampleSource, type SampleOptions } from './sample-source.ts';
export { testSink, type IfExistsMode, type MakeSink, type SinkContract } from './test-sink.ts';
export { testSource, type MakeSource, type SourceContract } from './test-source.ts';
