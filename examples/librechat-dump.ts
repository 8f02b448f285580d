// A LibreChat from its mongodump: conversations in JSON lines, in order, branches found, files hashed.
import { detectBranches, hashFiles, jsonlSink, librechatSource, linearize, pipeline } from '../src/index.ts';

const report = await pipeline(librechatSource({ from: './samples/librechat/dump/LibreChat' }), {
  name: 'librechat-dump',
})
  .through(detectBranches())
  .through(linearize({ branches: 'all' }))
  .through(hashFiles({ roots: ['uploads', 'images', 'public'].map((name) => `./samples/librechat/${name}`) }))
  .to(jsonlSink({ path: './out/examples/librechat.jsonl' }))
  .run();

console.log(`${report.status}: ${report.counts.written} conversations`);
