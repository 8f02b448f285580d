import type { z } from 'zod';

import type { Sink, Source, Transform } from './stage.ts';

/**
 * What the records of a stage are, for the check that neighbours fit: `any`, `same` (what came in), or a name such as
 * `conversation`. A stage that accepts `any` takes everything; one that gives `any` is taken on trust.
 */
export type RecordKind = string;

interface ComponentBase<Schema extends z.ZodType> {
  /** The `type` in YAML, and the file's name. */
  readonly type: string;
  /** One line for `etl list`. */
  readonly summary: string;
  /** A few sentences for `etl describe` and the docs page: guarantees, limits, what to know before using it. */
  readonly details?: string;
  /** Serves code, YAML, `etl check`, the docs page and the JSON Schema. Secrets carry `.meta({ secret: true })`. */
  readonly options: Schema;
  /** Complete YAML examples of this stage. */
  readonly examples?: readonly string[];
}

export interface SourceComponent<Schema extends z.ZodType = z.ZodType> extends ComponentBase<Schema> {
  readonly role: 'source';
  readonly gives: RecordKind;
  create(options: z.input<Schema>): Source<unknown>;
}

export interface TransformComponent<Schema extends z.ZodType = z.ZodType> extends ComponentBase<Schema> {
  readonly role: 'transform';
  readonly accepts: RecordKind;
  readonly gives: RecordKind;
  create(options: z.input<Schema>): Transform<never, unknown>;
}

export interface SinkComponent<Schema extends z.ZodType = z.ZodType> extends ComponentBase<Schema> {
  readonly role: 'sink';
  readonly accepts: RecordKind;
  create(options: z.input<Schema>): Sink<never>;
}

/** A part of a pipeline as YAML, `etl list`, the docs and the JSON Schema know it. */
export type Component = SourceComponent | TransformComponent | SinkComponent;

/** Declares a component; the options' type follows from the schema. */
export function defineSource<Schema extends z.ZodType>(
  component: Omit<SourceComponent<Schema>, 'role'>,
): SourceComponent {
  // The registry holds components of all schemas; each checks its own options before it uses them.
  return { ...component, role: 'source' } as unknown as SourceComponent;
}

export function defineTransform<Schema extends z.ZodType>(
  component: Omit<TransformComponent<Schema>, 'role'>,
): TransformComponent {
  return { ...component, role: 'transform' } as unknown as TransformComponent;
}

export function defineSink<Schema extends z.ZodType>(component: Omit<SinkComponent<Schema>, 'role'>): SinkComponent {
  return { ...component, role: 'sink' } as unknown as SinkComponent;
}
