import { basename } from 'node:path';

import type { Component } from '../component.ts';
import { EtlError, toEtlError } from '../errors.ts';
import { pipeline } from '../pipeline.ts';
import { stageNames, type PipelinePlan } from '../plan.ts';
import type { Sink, Source, Transform } from '../stage.ts';
import { closest } from './closest.ts';
import type { Environment } from './environment.ts';
import { interpolateFile } from './interpolate-file.ts';
import { secretsIn } from './mask.ts';
import { optionsSchema, schemaOf } from './option-info.ts';
import { optionProblems } from './option-problems.ts';
import {
  pipelineOptions,
  stageOptions,
  type PipelineOptions,
  type StageOptions,
  type StageTest,
} from './pipeline-options.ts';
import { wiringProblems } from './wiring.ts';
import { placeOf, readYamlFile, yamlValue, type YamlFile } from './yaml-file.ts';

/** One stage of a pipeline file, with the component it is made of and the options as they stand, variables filled in. */
export interface ConfiguredStage {
  /** Unique in the pipeline: the component's name, with `-2`, `-3` when it occurs again. */
  readonly name: string;
  readonly component: Component;
  readonly options: Readonly<Record<string, unknown>>;
  readonly stage: Source<unknown> | Transform<unknown, unknown> | Sink<unknown>;
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
    const built = buildStages(yaml, writtenStages(value), components);
    const problems = inOrder([...variables, ...invalid, ...built.problems]);
    if (problems.length > 0 || config === undefined) return { problems };
    return { pipeline: configured(path, config, built.stages), problems: [] };
  } catch (error) {
    if (error instanceof EtlError) return { problems: [error] };
    throw error;
  }
}

type StageMade = Omit<ConfiguredStage, 'name'>;
interface WrittenStage {
  readonly role: Component['role'];
  readonly path: readonly PropertyKey[];
  readonly options: StageOptions;
}

function parseConfig(
  yaml: YamlFile,
  value: unknown,
): { readonly config?: PipelineOptions; readonly problems: EtlError[] } {
  const { success, data, error } = pipelineOptions.safeParse(value);
  if (success) return { config: data, problems: [] };
  const subject = { name: 'the pipeline', schema: schemaOf(pipelineOptions), value };
  return {
    problems: optionProblems(error.issues, subject).map(({ what, path, of, hint }) =>
      problemAt(yaml, what, path, of, hint),
    ),
  };
}

/** The stages as far as they are written: also in a file that has something wrong elsewhere. */
function writtenStages(value: unknown): WrittenStage[] {
  if (value === null || typeof value !== 'object') return [];
  const { source, transforms, sink } = value as Readonly<Record<string, unknown>>;
  const all = [
    { role: 'source' as const, path: ['source'], options: source },
    ...(Array.isArray(transforms) ? transforms : []).map((options: unknown, index) => ({
      role: 'transform' as const,
      path: ['transforms', index],
      options,
    })),
    { role: 'sink' as const, path: ['sink'], options: sink },
  ];
  return all.flatMap(({ role, path, options }) => {
    const parsed = stageOptions.safeParse(options);
    return parsed.success ? [{ role, path, options: parsed.data }] : [];
  });
}

function buildStages(
  yaml: YamlFile,
  written: readonly WrittenStage[],
  components: readonly Component[],
): { stages: StageMade[]; problems: EtlError[] } {
  const problems: EtlError[] = [];
  const stages: StageMade[] = [];
  const wired: { name: string; component: Component; path: readonly PropertyKey[] }[] = [];
  for (const { role, path, options } of written) {
    const component = components.find(({ type, role: its }) => type === options.type && its === role);
    if (component === undefined) {
      problems.push(unknownComponent(yaml, options.type, role, path, components));
      continue;
    }
    wired.push({ name: component.type, component, path });
    const made = buildStage(yaml, component, options, path);
    if ('stage' in made) stages.push(made);
    else problems.push(...made.problems);
  }
  // A stage that is not known leaves a gap: what stands around it was never meant to meet.
  if (wired.length === written.length) {
    for (const { stage, what, hint } of wiringProblems(wired, components)) {
      const where = placeOf(yaml, [...(wired[stage]?.path ?? []), 'type']);
      problems.push(new EtlError('ETL_CONFIG_WIRING', what, { where, hint }));
    }
  }
  return { stages, problems };
}

function buildStage(
  yaml: YamlFile,
  component: Component,
  { type, ...options }: StageOptions,
  path: readonly PropertyKey[],
): StageMade | { problems: EtlError[] } {
  const parsed = component.options.safeParse(options);
  if (!parsed.success) {
    const subject = {
      name: `${component.role} "${type}"`,
      schema: optionsSchema(component),
      value: options,
      also: ['type'],
    };
    const found = optionProblems(parsed.error.issues, subject);
    return {
      problems: found.map((problem) =>
        problemAt(yaml, problem.what, [...path, ...problem.path], problem.of, problem.hint),
      ),
    };
  }
  try {
    // The roles were matched above; what each stage takes and gives is checked by its kind, not by its type.
    return { component, options, stage: component.create(options) as ConfiguredStage['stage'] };
  } catch (error) {
    const problem = toEtlError(error, 'ETL_CONFIG_INVALID', {});
    // A place of its own, such as a column in an expression, is counted in the option's text; the file's place says where that is.
    return {
      problems: [
        new EtlError(problem.code, problem.message, {
          where: placeOf(yaml, path),
          hint: problem.hint,
          cause: problem.cause,
        }),
      ],
    };
  }
}

function unknownComponent(
  yaml: YamlFile,
  type: string,
  role: Component['role'],
  path: readonly PropertyKey[],
  components: readonly Component[],
): EtlError {
  const where = placeOf(yaml, [...path, 'type']);
  const elsewhere = components.find((component) => component.type === type);
  const near = closest(
    type,
    components.filter((component) => component.role === role).map((component) => component.type),
  );
  const hint =
    elsewhere !== undefined ? `"${type}" is a ${elsewhere.role}` : near === undefined ? undefined : `try "${near}"`;
  return new EtlError('ETL_COMPONENT_UNKNOWN', `unknown ${role} "${type}"`, { where, hint });
}

function problemAt(
  yaml: YamlFile,
  what: string,
  path: readonly PropertyKey[],
  of: 'key' | 'value',
  hint: string | undefined,
): EtlError {
  return new EtlError('ETL_CONFIG_INVALID', what, { where: placeOf(yaml, path, of), hint });
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
