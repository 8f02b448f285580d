import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import type { RejectPolicy } from '../rejects.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../sinks/langgraph.ts';
import { langgraphSource, type LanggraphSourceOptions } from '../sources/langgraph.ts';
import { langgraphRaw } from '../transforms/langgraph-raw.ts';

/**
 * The pipeline that moves threads from one server to another, and compares each on the way.
 *
 * Each source has a run of its own. Where the companion graph is deployed on the source too, what the API does not tell comes along by it.
 */
export function langgraphMigrate(
  source: LanggraphSourceOptions,
  sink: LanggraphSinkOptions,
  onReject?: RejectPolicy,
): PipelinePlan {
  const threads = pipeline(langgraphSource(source), {
    name: `langgraph-migrate-${new URL(source.apiUrl).host}`,
    onReject,
  });
  const { apiUrl, apiKey, headers } = source;
  const { mode = 'auto', companion } = sink;
  if (mode === 'state' || mode === 'history') return threads.to(langgraphSink(sink)).plan;
  const server = { apiUrl, ...(apiKey === undefined ? {} : { apiKey }), ...(headers === undefined ? {} : { headers }) };
  const named = companion === undefined ? {} : { companion };
  return threads.through(langgraphRaw({ ...server, ...named, isRequired: false })).to(langgraphSink(sink)).plan;
}
