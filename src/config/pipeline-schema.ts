import type { Component } from '../component.ts';
import { optionsSchema, schemaOf, type JsonSchema } from './option-info.ts';
import { pipelineOptions } from './pipeline-options.ts';

/** Where a number, one of several words or a text of a certain form is wanted, a variable may stand: `"${SIZE}"`. */
const variable: JsonSchema = { type: 'string', pattern: String.raw`\$\{` };

/** The JSON Schema (draft 7, which editors know best) of a pipeline file: each stage by its `type`, options with their docs. */
export function pipelineSchema(
  components: readonly Component[],
): JsonSchema & { readonly $schema: string; readonly title: string } {
  const { properties = {}, ...rest } = schemaOf(pipelineOptions);
  const definitions: Record<string, JsonSchema> = { ...rest.definitions };
  const stage = (role: Component['role']): JsonSchema => {
    const known = components.filter((component) => component.role === role);
    known.sort((left, right) => (left.type < right.type ? -1 : 1));
    return {
      type: 'object',
      required: ['type'],
      oneOf: known.map((component) => componentSchema(component, definitions)),
    };
  };
  return {
    ...rest,
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'threadmill pipeline',
    properties: {
      ...properties,
      source: { ...stage('source'), description: properties['source']?.description },
      transforms: { type: 'array', items: stage('transform'), description: properties['transforms']?.description },
      sink: { ...stage('sink'), description: properties['sink']?.description },
    },
    definitions,
  };
}

function componentSchema(component: Component, shared: Record<string, JsonSchema>): JsonSchema {
  const { properties = {}, required = [], additionalProperties, definitions = {} } = ownNames(component);
  Object.assign(shared, definitions);
  const options = Object.entries(properties).map(([name, property]) => [name, orVariable(property)] as const);
  return {
    type: 'object',
    description: component.details === undefined ? component.summary : `${component.summary}. ${component.details}`,
    properties: { type: { const: component.type, description: component.summary }, ...Object.fromEntries(options) },
    required: ['type', ...required],
    ...(additionalProperties === undefined ? {} : { additionalProperties }),
  };
}

/** The component's schema, with names for its recursive parts that no other component has. */
function ownNames(component: Component): JsonSchema {
  const text = JSON.stringify(optionsSchema(component));
  return JSON.parse(text.replaceAll('__schema', `${component.role}-${component.type}-`)) as JsonSchema;
}

function orVariable(schema: JsonSchema): JsonSchema {
  const { description, default: standard, examples, ...values } = schema;
  const { type, secret: _, ...limits } = values;
  const isScalar = schema.enum !== undefined || ['string', 'integer', 'number', 'boolean'].includes(type ?? '');
  const isAnyText = type === 'string' && Object.keys(limits).length === 0;
  return isScalar && !isAnyText ? { description, default: standard, examples, anyOf: [values, variable] } : schema;
}
