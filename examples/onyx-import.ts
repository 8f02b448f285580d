// A bundle into Onyx: every chat with all of its branches, and the files it names. Run it again, and nothing happens twice.
import { bundleSource, onyxSink, pipeline } from '../src/index.ts';

const { BUNDLE = './exports/librechat', ONYX_DATABASE_URL = '', ONYX_API_BASE, ONYX_API_KEY } = process.env;

const files =
  ONYX_API_BASE === undefined || ONYX_API_KEY === undefined
    ? 'off'
    : { apiBase: ONYX_API_BASE, apiKey: ONYX_API_KEY, roots: [BUNDLE] };

const report = await pipeline(bundleSource({ path: BUNDLE, records: 'conversations' }), { name: 'onyx-import' })
  .to(onyxSink({ connectionString: ONYX_DATABASE_URL, users: 'skip', files }))
  .run();

console.log(`${report.status}: ${report.counts.written} chats, ${report.counts.skipped} skipped`);
