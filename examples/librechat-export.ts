// A LibreChat from its mongodump as a bundle: every chat with its tree, every upload, and digests that prove it whole.
import { bundleSink, librechatSource, pipeline } from '../src/index.ts';

const report = await pipeline(
  librechatSource({ from: './samples/librechat/dump/LibreChat', records: 'documents', includeTemporary: true }),
  { name: 'librechat-export' },
)
  .to(bundleSink({ path: './out/examples/librechat', assetRoots: ['./samples/librechat'] }))
  .run();

console.log(`${report.status}: ${report.counts.written} records`);
