import type { Component } from '../component.ts';
import { components } from '../components.ts';
import { loadPipeline, type ConfiguredPipeline } from '../config/load-pipeline.ts';
import type { Cli } from './io.ts';

/** Loads a pipeline file for a command; its secrets are hidden from then on. */
export async function load(
  cli: Cli,
  file: string,
  known: readonly Component[] = components,
): Promise<ConfiguredPipeline> {
  const pipeline = await loadPipeline(file, { components: known, environment: await cli.environment() });
  cli.hide(pipeline.secrets);
  return pipeline;
}
