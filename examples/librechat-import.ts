// A bundle as a dump that mongorestore loads into a LibreChat: files and messages first, so that half a load shows nothing.
import {
  bsonDumpSink,
  bundleSink,
  bundleSource,
  dedupe,
  librechatDocuments,
  librechatSource,
  pipeline,
} from '../src/index.ts';

await pipeline(librechatSource({ from: './samples/librechat/dump/LibreChat', records: 'documents' }))
  .to(bundleSink({ path: './out/examples/bundle' }))
  .run();

for (const collection of ['users', 'files', 'messages', 'conversations'] as const) {
  const report = await pipeline(bundleSource({ path: './out/examples/bundle' }), {
    name: `librechat-import-${collection}`,
  })
    .through(librechatDocuments({ collection }))
    .through(dedupe({ key: '_id' }))
    .to(bsonDumpSink({ path: './out/examples/dump/LibreChat', collection }))
    .run();
  console.log(`${collection}: ${report.counts.written}`);
}
