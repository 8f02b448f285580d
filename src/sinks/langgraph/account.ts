import { fidelityAspects } from '../../models/langgraph-fidelity.ts';
import type { Batch, StageContext } from '../../stage.ts';
import { fidelityLine } from './fidelity-report.ts';
import type { Outcome, QueuedBatch } from './queued-batch.ts';

/** Counts what became of the records of a batch; gives those that are written, and their lines for the report, if there is one. */
export async function account(
  queued: QueuedBatch,
  mode: string,
  ctx: StageContext,
  isReported: boolean,
): Promise<{ readonly records: number; readonly lines: string }> {
  const { batch, heads, outcomes } = queued;
  let records = 0;
  let lines = '';
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === undefined) continue;
    const from = { batch, index, at: batch.at?.(index) };
    const record = heads[index];
    // Records are counted; of threads, a large one is one all the same.
    if (record?.part?.isLast === false) ctx.finding(`further parts of threads: ${outcome.kind}`, 1, from);
    if (outcome.kind === 'failed') {
      ctx.reject(await queued.record(index), outcome.error, from);
      continue;
    }
    if (outcome.kind === 'skipped') ctx.count('skipped', 1, from);
    else records += 1;
    countFindings(outcome, mode, ctx, from);
    if (outcome.kind === 'written' && outcome.checkpoints === 0 && outcome.fidelity === undefined) continue;
    if (isReported && record !== undefined) lines += fidelityLine(record.threadId, mode, outcome);
  }
  return { records, lines };
}

function countFindings(
  outcome: Exclude<Outcome, { readonly kind: 'failed' }>,
  mode: string,
  ctx: StageContext,
  from: { readonly batch: Batch<unknown>; readonly index: number },
): void {
  const { relation, fidelity, losses = new Map<string, number>(), added, checkpoints } = outcome;
  if (outcome.kind === 'skipped') {
    ctx.finding(`already there: ${relation ?? 'not compared'}`, 1, from);
    return;
  }
  ctx.finding(`restored by ${mode}: checkpoints`, checkpoints, from);
  for (const [kind, times] of losses) ctx.finding(`not restored: ${kind}`, times, from);
  if (added !== undefined && added.size > 0) ctx.finding('added by the graph: channels', added.size, from);
  if (fidelity === undefined) return;
  const { checkpoints: count, subgraphs, matched } = fidelity;
  ctx.finding(
    'not the same: checkpoints missing',
    count.source - count.paired - (subgraphs.source - subgraphs.paired),
    from,
  );
  ctx.finding('not the same: checkpoints too many', count.target - count.paired, from);
  for (const aspect of fidelityAspects) ctx.finding(`not the same: ${aspect}`, count.paired - matched[aspect], from);
}
