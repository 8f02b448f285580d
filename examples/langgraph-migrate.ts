// Threads from one LangGraph server to another, compared checkpoint by checkpoint. Run it again, and it goes on or does nothing.
import { langgraphRaw, langgraphSink, langgraphSource, pipeline } from '../src/index.ts';

const { LANGGRAPH_SOURCE_URL = 'http://localhost:2024', LANGGRAPH_TARGET_URL = 'http://localhost:2025' } = process.env;

const report = await pipeline(langgraphSource({ apiUrl: LANGGRAPH_SOURCE_URL }), { name: 'langgraph-migrate' })
  // With the companion graph on both ends, also what the API does not tell is kept.
  .through(langgraphRaw({ apiUrl: LANGGRAPH_SOURCE_URL, isRequired: false }))
  .to(langgraphSink({ apiUrl: LANGGRAPH_TARGET_URL }))
  .run();

const { written, skipped } = report.counts;
console.log(`${report.status}: ${written} threads restored, ${skipped} were there`);
for (const [kind, times] of Object.entries(report.findings)) console.log(`  ${times} ${kind}`);
