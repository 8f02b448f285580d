import type { Component } from '../component.ts';
import { optionsSchema, schemaOf, type JsonSchema } from './option-info.ts';
import { pipelineOptions } from './pipeline-options.ts';

/** A value that is not text may also come from a variable: `"${SIZE}"`. */
const variable: JsonSchema = { type: 'string', pattern: String.raw`^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$` };

/** The JSON Schema (draft 7, which editors know best) of a pipeline file: each stage by its `type`, options with their docs. */
export function pipelineSchema(
  components: readonly Component[],
): JsonSchema & { readonly $schema: string; readonly title: string } {
  const { properties = {}, ...rest } = schemaOf(pipelineOptions);
  const transform = stageSchema(components, 'transform');
  return {
    ...rest,
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'threadmill pipeline',
    properties: {
      ...properties,
      source: { ...stageSchema(components, 'source'), description: properties['source']?.description },
      transforms: { type: 'array', items: transform, description: properties['transforms']?.description },
      sink: { ...stageSchema(components, 'sink'), description: properties['sink']?.description },
    },
  };
}

function stageSchema(components: readonly Component[], role: Component['role']): JsonSchema {
  const known = components
    .filter((component) => component.role === role)
    .toSorted((left, right) => (left.type < right.type ? -1 : 1));
  return { type: 'object', required: ['type'], oneOf: known.map(componentSchema) };
}

function componentSchema(component: Component): JsonSchema {
  const { properties = {}, required = [], additionalProperties } = optionsSchema(component);
  const options = Object.entries(properties).map(([name, property]) => [name, orVariable(property)] as const);
  return {
    type: 'object',
    description: component.details === undefined ? component.summary : `${component.summary}. ${component.details}`,
    properties: { type: { const: component.type, description: component.summary }, ...Object.fromEntries(options) },
    required: ['type', ...required],
    ...(additionalProperties === undefined ? {} : { additionalProperties }),
  };
}

function orVariable(schema: JsonSchema): JsonSchema {
  const isText = schema.type === 'string' && schema.enum === undefined && schema.const === undefined;
  const isScalar = schema.enum !== undefined || ['integer', 'number', 'boolean'].includes(schema.type ?? '');
  if (isText || !isScalar) return schema;
  const { description, default: standard, examples, ...values } = schema;
  return { description, default: standard, examples, anyOf: [values, variable] };
}
