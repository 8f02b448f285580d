import { basename } from 'node:path';

import type { Component } from '../component.ts';
import { EtlError } from '../errors.ts';
import { pipeline } from '../pipeline.ts';
import { stageNames, type PipelinePlan } from '../plan.ts';
import type { Sink, Source, Transform } from '../stage.ts';
import { buildStages, invalidOption, type StageMade } from './build-stages.ts';
import type { Environment } from './environment.ts';
import { interpolateFile } from './interpolate-file.ts';
import { secretsIn } from './mask.ts';
import { optionsSchema, schemaOf } from './option-info.ts';
import { optionProblems } from './option-problems.ts';
import { pipelineOptions, type PipelineOptions, type StageTest } from './pipeline-options.ts';
import { readYamlFile, yamlValue, type YamlFile } from './yaml-file.ts';

/** One stage of a pipeline file, with the component it is made of and the options as they stand, variables filled in. */
export interface ConfiguredStage extends StageMade {
  /** Unique in the pipeline: the component's name, with `-2`, `-3` when it occurs again. */
  readonly name: string;
}

/** A pipeline file that holds together. */
export interface ConfiguredPipeline {
  readonly file: string;
  readonly plan: PipelinePlan;
  /** Source, transforms, sink. */
  readonly stages: readonly ConfiguredStage[];
  readonly tests: readonly StageTest[];
  /** Values that must not be printed. */
  readonly secrets: readonly string[];
}

export interface LoadOptions {
  /** What the file's `type`s may name. */
  readonly components: readonly Component[];
  /** What its `${VARIABLES}` stand for. */
  readonly environment: Environment;
}

/**
 * Reads a pipeline file and makes its stages, without opening what they read or write.
 *
 * @throws {EtlError} the first problem found, with its place; when there are more, its cause is an `AggregateError` of all.
 */
export async function loadPipeline(path: string, options: LoadOptions): Promise<ConfiguredPipeline> {
  const { pipeline: loaded, problems } = await checkPipeline(path, options);
  if (loaded !== undefined) return loaded;
  const [first, ...more] = problems;
  if (first === undefined)
    throw new EtlError('ETL_CONFIG_INVALID', 'the pipeline is not valid', { where: { file: path } });
  if (more.length === 0) throw first;
  throw new EtlError(first.code, first.message, {
    where: first.where,
    hint: first.hint,
    cause: new AggregateError(problems, 'several problems'),
  });
}

/** Reads a pipeline file and gives all that is wrong with it, in the order of the file; the pipeline when nothing is. */
export async function checkPipeline(
  path: string,
  { components, environment }: LoadOptions,
): Promise<{ readonly pipeline?: ConfiguredPipeline; readonly problems: readonly EtlError[] }> {
  try {
    const { yaml, problems: syntax } = await readYamlFile(path);
    if (syntax.length > 0) return { problems: syntax };
    const variables = interpolateFile(yaml, environment);
    const value = yamlValue(yaml);
    const { config, problems: invalid } = parseConfig(yaml, value);
    const built = buildStages(yaml, value, components);
    const problems = inOrder([...variables, ...invalid, ...built.problems]);
    if (problems.length > 0 || config === undefined) return { problems };
    return { pipeline: configured(path, config, built.stages), problems: [] };
  } catch (error) {
    if (error instanceof EtlError) return { problems: [error] };
    throw error;
  }
}

function parseConfig(
  yaml: YamlFile,
  value: unknown,
): { readonly config?: PipelineOptions; readonly problems: EtlError[] } {
  const { success, data, error } = pipelineOptions.safeParse(value);
  if (success) return { config: data, problems: [] };
  const subject = { name: 'the pipeline', schema: schemaOf(pipelineOptions), value };
  return { problems: optionProblems(error.issues, subject).map((problem) => invalidOption(yaml, problem)) };
}

function configured(file: string, config: PipelineOptions, made: readonly StageMade[]): ConfiguredPipeline {
  const name = config.name ?? basename(file).replace(/\.ya?ml$/i, '');
  const [source, ...others] = made.map(({ stage }) => stage);
  const sink = others.pop();
  let composed = pipeline(source as Source<unknown>, { name, onReject: config.onReject });
  for (const transform of others) composed = composed.through(transform as Transform<unknown, unknown>);
  const { plan } = composed.to(sink as Sink<unknown>);
  const names = stageNames(plan);
  return {
    file,
    plan,
    stages: made.map((stage, order) => ({ ...stage, name: names[order] ?? stage.component.type })),
    tests: config.tests,
    secrets: made.flatMap(({ component, options }) => secretsIn(optionsSchema(component), options)),
  };
}

function inOrder(problems: readonly EtlError[]): EtlError[] {
  return problems.toSorted(
    (left, right) =>
      (left.where.line ?? 0) - (right.where.line ?? 0) || (left.where.column ?? 0) - (right.where.column ?? 0),
  );
}
