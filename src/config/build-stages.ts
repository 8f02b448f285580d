import type { Component } from '../component.ts';
import { EtlError, toEtlError } from '../errors.ts';
import type { Sink, Source, Transform } from '../stage.ts';
import { closest } from '../closest.ts';
import { optionsSchema } from './option-info.ts';
import { optionProblems, type OptionProblem } from './option-problems.ts';
import { stageOptions, type StageOptions } from './pipeline-options.ts';
import { wiringProblems } from './wiring.ts';
import { placeOf, type YamlFile } from './yaml-file.ts';

/** A stage that was made, with what it was made of. */
export interface StageMade {
  readonly component: Component;
  readonly options: Readonly<Record<string, unknown>>;
  readonly stage: Source<unknown> | Transform<unknown, unknown> | Sink<unknown>;
}

interface WrittenStage {
  readonly role: Component['role'];
  readonly path: readonly PropertyKey[];
  readonly options: StageOptions;
}

/** Makes the stages of a pipeline file, and lists what is wrong with them; also in a file that has something wrong elsewhere. */
export function buildStages(
  yaml: YamlFile,
  value: unknown,
  components: readonly Component[],
): { readonly stages: readonly StageMade[]; readonly problems: readonly EtlError[] } {
  const written = writtenStages(value);
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

/** The stages as far as they are written down. */
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
    return { problems: found.map((problem) => invalidOption(yaml, problem, path)) };
  }
  try {
    // The roles were matched above; what each stage takes and gives is checked by its kind, not by its type.
    return { component, options, stage: component.create(options) as StageMade['stage'] };
  } catch (error) {
    const problem = toEtlError(error, 'ETL_CONFIG_INVALID', {});
    // A place of its own, such as a column in an expression, is counted in the option's text; the file's place says where that is.
    return {
      problems: [
        new EtlError(problem.code, problem.message, {
          where: placeOf(yaml, [...path, ...optionAtFault(problem, options)]),
          hint: problem.hint,
          cause: problem.cause,
        }),
      ],
    };
  }
}

/** The option that a stage's own check is about: an expression error ends with the expression. */
function optionAtFault({ code, message }: EtlError, options: Readonly<Record<string, unknown>>): string[] {
  if (code !== 'ETL_EXPRESSION_INVALID') return [];
  const found = Object.entries(options).find(
    ([, value]) => typeof value === 'string' && message.endsWith(`in: ${value.replace(/\n+$/, '')}`),
  );
  return found === undefined ? [] : [found[0]];
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

/** A problem with options as an error with its place in the file; `at` is where the options stand. */
export function invalidOption(
  yaml: YamlFile,
  { what, path, of, hint }: OptionProblem,
  at: readonly PropertyKey[] = [],
): EtlError {
  return new EtlError('ETL_CONFIG_INVALID', what, { where: placeOf(yaml, [...at, ...path], of), hint });
}
