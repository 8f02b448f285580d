import { runPipeline } from '../run.ts';
import type { ConfiguredPipeline } from './load-pipeline.ts';
import { stageIndex } from './stage-index.ts';
import { nowhere, watch } from './watch.ts';

/** What to look at. */
export interface PreviewOptions {
  /** The stage whose output is wanted. Default: the last one before the sink. */
  readonly stage?: string | undefined;
  readonly records: number;
  readonly signal: AbortSignal;
}

/**
 * Shows the first records that come out of a stage, without writing anything. It reads until there are enough of them, or
 * the source ends.
 *
 * @throws {EtlError} `ETL_USAGE` for an unknown stage; what goes wrong on the way.
 */
export async function preview(
  { plan, stages }: ConfiguredPipeline,
  { stage, records, signal }: PreviewOptions,
  show: (record: unknown) => void,
): Promise<void> {
  const last = stage === undefined ? stages.length - 2 : stageIndex(stages, stage);
  const enough = new AbortController();
  let shown = 0;
  const watching = watch((record) => {
    show(record);
    shown += 1;
    if (shown < records) return 'more';
    enough.abort();
    return 'enough';
  });
  const transforms = [...plan.transforms.slice(0, last), watching];
  await runPipeline({ ...plan, transforms, sink: nowhere }, { dryRun: true, signal, stopSignal: enough.signal });
}
