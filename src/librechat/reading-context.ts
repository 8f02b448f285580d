import type { StageContext } from '../stage.ts';

/**
 * A stage's context for reading an input from its beginning, whatever the stage's own cursor. What cannot be read is rejected
 * once: a resumed run, which reads it again, says nothing of it.
 */
export function readingContext(ctx: StageContext): StageContext {
  const isResumed = ctx.cursor !== undefined;
  return {
    stage: ctx.stage,
    signal: ctx.signal,
    halted: false,
    dryRun: ctx.dryRun,
    reject: (record, cause, from) => {
      if (!isResumed) ctx.reject(record, cause, from);
    },
    count: (what, records, from) => ctx.count(what, records, from),
    finding: (kind, times, from) => ctx.finding(kind, times, from),
    withState: (cursor, state) => ctx.withState(cursor, state),
    partCursor: (state, after) => ctx.partCursor(state, after),
    replayed: (records) => ctx.replayed(records),
    warn: (message) => ctx.warn(message),
    directory: () => ctx.directory(),
    beforeCommit: (flush) => ctx.beforeCommit(flush),
    progressAt: (cursor, commit) => ctx.progressAt(cursor, commit),
  };
}
