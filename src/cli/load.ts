import type { Component } from '../component.ts';
import type { ConfiguredPipeline } from '../config/load-pipeline.ts';
import type { Cli } from './io.ts';

/** Loads a pipeline file for a command; its secrets are hidden from then on. */
export async function load(cli: Cli, file: string, known?: readonly Component[]): Promise<ConfiguredPipeline> {
  // Every component and the YAML parser: not needed to show a command's help.
  const [{ components }, { loadPipeline }] = await Promise.all([
    import('../components.ts'),
    import('../config/load-pipeline.ts'),
  ]);
  const pipeline = await loadPipeline(file, { components: known ?? components, environment: await cli.environment() });
  cli.hide(pipeline.secrets);
  return pipeline;
}
