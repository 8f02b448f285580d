// The same as pipelines/clean-messages.yaml, with functions in the place of expressions.
import { dedupe, filter, jsonlSink, jsonlSource, map, pipeline, redact } from '../src/index.ts';

interface Message {
  readonly id: string;
  readonly text: string;
}

const report = await pipeline(jsonlSource<Message>({ path: './examples/data/messages.jsonl' }), {
  name: 'clean-messages',
  onReject: { to: './out/examples/rejects.jsonl', max: 100 },
})
  .through(filter((message) => message.text !== ''))
  .through(dedupe({ key: 'id' }))
  .through(map((message) => ({ ...message, words: message.text.split(' ').length })))
  .through(redact({ drop: ['owner.email'] }))
  .to(jsonlSink({ path: './out/examples/clean-messages.jsonl' }))
  .run();

console.log(`${report.status}: ${report.counts.read} read, ${report.counts.written} written`);
