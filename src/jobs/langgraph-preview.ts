import { pickRecords } from '../batch.ts';
import { openLanggraph } from '../connections/langgraph.ts';
import { ThreadFaults } from '../connections/langgraph-thread-faults.ts';
import { EtlError } from '../errors.ts';
import { shownAgain } from '../mappings/conversation-to-thread-shown.ts';
import type { HistoryEntry, ThreadRecord } from '../models/langgraph.ts';
import { summarizeEntry } from '../models/langgraph-summary.ts';
import type { PipelinePlan } from '../plan.ts';
import type { LanggraphSinkOptions } from '../sinks/langgraph.ts';
import { AddedChannels } from '../sinks/langgraph/added-channels.ts';
import { relationOf, stateRelation, type Relation } from '../sinks/langgraph/compare-threads.ts';
import { TargetServer } from '../sinks/langgraph/target-server.ts';
import { chosenFor, threadToWrite } from '../sinks/langgraph/thread-job.ts';
import type { StageContext, Transform } from '../stage.ts';

/**
 * A pipeline to a LangGraph server for a dry run, which looks at the target: threads whose graph is not deployed are rejected,
 * those that the target has are compared and counted as the real run would, and nothing is made on either side.
 */
export function langgraphDryRun(plan: PipelinePlan, sink: LanggraphSinkOptions): PipelinePlan {
  // The companion graph is asked on threads of its own: these would be made.
  const transforms = plan.transforms.filter(({ name }) => name !== 'langgraph-raw');
  // Threads are what comes out of the stages before, as the sink takes them.
  return { ...plan, transforms: [...transforms, langgraphPreview(sink) as Transform<unknown, unknown>] };
}

function langgraphPreview(sink: LanggraphSinkOptions): Transform<ThreadRecord, ThreadRecord> {
  return {
    role: 'transform',
    name: 'target',
    async *apply(input, ctx) {
      const connection = await openLanggraph({ ...sink, signal: ctx.signal });
      const server = new TargetServer(connection, { attempts: sink.attempts ?? 6, retryBaseMs: 250 }, ctx.signal);
      const faults = new ThreadFaults(connection, ctx.signal);
      // A large thread comes in parts: what is found of the first goes for all.
      let last = { id: '', passes: true };
      try {
        for await (const batch of input) {
          const there = await server.existing(batch.records.map(({ thread_id: id }) => id));
          const kept: number[] = [];
          for (const [index, record] of batch.records.entries()) {
            const { thread_id: id, part } = record;
            if ((part?.number ?? 1) === 1) {
              const here = { ...record, thread_id: server.idOf(id) };
              last = {
                id,
                passes: await passes(here, there.has(here.thread_id), {
                  server,
                  faults,
                  sink,
                  ctx,
                  from: { batch, index },
                }),
              };
            } else {
              ctx.finding(`further parts of threads: ${last.passes ? 'written' : 'skipped'}`, 1, { batch });
              if (!last.passes) ctx.count('skipped', 1, { batch });
            }
            if (last.passes) kept.push(index);
          }
          yield pickRecords(batch, kept);
        }
      } finally {
        await connection.close();
      }
    },
  };
}

interface Preview {
  readonly server: TargetServer;
  readonly faults: ThreadFaults;
  readonly sink: LanggraphSinkOptions;
  readonly ctx: StageContext;
  readonly from: Parameters<StageContext['reject']>[2] & object;
}

/** Whether the real run would write a thread; what it would not, is counted here. */
async function passes(record: ThreadRecord, isThere: boolean, preview: Preview): Promise<boolean> {
  const { server, faults, sink, ctx, from } = preview;
  try {
    const { graphId } = threadToWrite(record, { graphId: sink.graphId });
    if (graphId !== undefined && record.history.length > 0) await server.graphs.of(graphId);
    if (!isThere) return true;
    const isState = sink.mode === 'state';
    const relation = await relationTo(server, record, isState);
    faults.passed();
    // What comes in parts can only have the beginning of the thread, or another one.
    const what = chosenFor(relation === 'not compared' ? 'behind' : relation, sink.ifExists ?? 'skip', isState);
    if (what === 'refuse') {
      throw new EtlError('ETL_RECORD_INVALID', `the thread is on the target already (${relation})`, {
        where: { file: server.where, record: record.thread_id },
        hint: 'Choose what becomes of such threads: `ifExists: skip | continue | replace` (--if-exists).',
      });
    }
    ctx.finding(`${what === 'done' ? 'already there' : `would be ${what}d`}: ${relation}`, 1, from);
    if (what === 'done') ctx.count('skipped', 1, from);
    return what !== 'done';
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.reject(record, await faults.ofThread(error), from);
    return false;
  }
}

/** Threads in several parts are not compared: the real run does it, part by part. */
async function relationTo(
  server: TargetServer,
  record: ThreadRecord,
  isState: boolean,
): Promise<Relation | 'not compared'> {
  if (record.part !== undefined) return 'not compared';
  const added = new AddedChannels(record.history);
  const as = (entry: HistoryEntry): HistoryEntry => added.without(entry);
  const there = await server.history.summaries(record.thread_id, { subgraphs: false, as });
  const { history } = shownAgain(record, there);
  return (isState ? stateRelation : relationOf)(history.map(summarizeEntry), there);
}
