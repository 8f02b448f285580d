import { EtlError } from '../errors.ts';
import { closest } from '../closest.ts';
import type { ConfiguredStage } from './load-pipeline.ts';

/**
 * The place of a stage in its pipeline, from 0 for the source.
 *
 * @throws {EtlError} `ETL_USAGE` when no stage has that name.
 */
export function stageIndex(stages: readonly ConfiguredStage[], name: string): number {
  const names = stages.map((stage) => stage.name);
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const near = closest(name, names);
  throw new EtlError('ETL_USAGE', `there is no stage "${name}" in this pipeline`, {
    hint: near === undefined ? `there are: ${names.join(', ')}` : `try "${near}"`,
  });
}
