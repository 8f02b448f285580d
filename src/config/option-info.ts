import { z } from 'zod';

import type { Component } from '../component.ts';

/** The parts of a JSON Schema that this project writes and reads. */
export interface JsonSchema {
  readonly type?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly examples?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
  readonly items?: JsonSchema | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly allOf?: readonly JsonSchema[] | undefined;
  readonly oneOf?: readonly JsonSchema[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly pattern?: string | undefined;
  readonly $ref?: string | undefined;
  readonly definitions?: Readonly<Record<string, JsonSchema>> | undefined;
  /** Ours: the value must not be printed. */
  readonly secret?: boolean | undefined;
}

/** One option of a component, for `etl describe` and the docs. */
export interface OptionInfo {
  readonly name: string;
  /** `string or list of strings`, `integer above 0`, `"append" or "replace"`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly secret: boolean;
  readonly description: string;
  readonly examples: readonly unknown[];
}

/** A component's options as JSON Schema: what may be written in YAML. */
export function optionsSchema({ options }: Pick<Component, 'options'>): JsonSchema {
  return schemaOf(options);
}

/** A zod schema as JSON Schema, of what it takes in. */
export function schemaOf(options: z.ZodType): JsonSchema {
  // Zod's type for JSON Schema is wider than what it writes for the schemas in use here.
  return z.toJSONSchema(options, { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as JsonSchema;
}

/** A component's options in the order they were declared; those of nested objects as `outer.inner`. */
export function optionInfos(component: Component): OptionInfo[] {
  return infosOf(optionsSchema(component), '');
}

function infosOf(schema: JsonSchema, prefix: string): OptionInfo[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const name = `${prefix}${key}`;
    const info: OptionInfo = {
      name,
      type: typeText(property),
      required: schema.required?.includes(key) === true,
      ...(property.default === undefined ? {} : { default: property.default }),
      secret: property.secret === true,
      description: property.description ?? '',
      examples: property.examples ?? [],
    };
    return [info, ...infosOf(property, `${name}.`)];
  });
}

/** The schema of the value at `path`; of several alternatives, all that fit. */
export function schemasAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const [step, ...rest] = path;
  if (step === undefined) return branches.length > 0 ? branches.flatMap((branch) => schemasAt(branch, path)) : [schema];
  const { additionalProperties: others } = schema;
  const next =
    typeof step === 'number'
      ? schema.items
      : (schema.properties?.[String(step)] ?? (typeof others === 'object' ? others : undefined));
  return [
    ...(next === undefined ? [] : schemasAt(next, rest)),
    ...branches.flatMap((branch) => schemasAt(branch, path)),
  ];
}

/** What a value may be, in words. */
export function typeText(schema: JsonSchema): string {
  // Only what may hold itself, any JSON, is described by reference.
  if (schema.$ref !== undefined || schema.allOf?.[0]?.$ref !== undefined) return 'JSON value';
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return [...new Set(branches.map(typeText))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.type === 'array') return `list of ${plural(typeText(schema.items ?? {}))}`;
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' ? mapText(schema.additionalProperties) : 'map';
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.type}${rangeText(schema)}`;
  if (schema.type === 'boolean') return 'true or false';
  return schema.type ?? 'any value';
}

function mapText(values: JsonSchema): string {
  const text = typeText(values);
  return text === 'any value' ? 'map' : `map to ${text}`;
}

function rangeText({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const real = (limit: number | undefined): number | undefined => {
    // What zod writes for "any integer" is no limit that anybody set.
    return limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit;
  };
  const [least, most] = [real(minimum), real(maximum)];
  const parts = [
    exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`,
    least === undefined ? '' : ` from ${least}`,
    exclusiveMaximum === undefined ? '' : ` below ${exclusiveMaximum}`,
    most === undefined ? '' : ` up to ${most}`,
  ];
  return parts.join('');
}

function plural(text: string): string {
  return ['string', 'integer', 'number', 'map'].includes(text) ? `${text}s` : text;
}
