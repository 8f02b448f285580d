import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { parse } from 'yaml';
import { z } from 'zod';

import { components } from '../src/components.ts';
import { interpolate } from '../src/config/interpolate.ts';
import { optionInfos, optionsSchema, typeText, type JsonSchema } from '../src/config/option-info.ts';
import { pipelineSchema } from '../src/config/pipeline-schema.ts';

/** An example as it would be written, its variables filled in with something long enough for a key. */
function exampleOf(text: string): Record<string, unknown> {
  const variables = new Proxy(
    {},
    {
      get: () => 'mongodb://localhost/a-long-value',
      getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 1 }),
    },
  );
  return parse(interpolate(text, variables).text) as Record<string, unknown>;
}

test('every component has its file, is there once, and says what it is', () => {
  const names = components.map(({ role, type }) => `${role} ${type}`);
  assert.equal(new Set(names).size, names.length);
  for (const { role, type, summary } of components) {
    assert.ok(existsSync(new URL(`../src/${role}s/${type}.ts`, import.meta.url)), `src/${role}s/${type}.ts`);
    assert.match(summary, /^[A-Z].*[^.]$/, `${type}: a line without a full stop`);
  }
});

test('every source, transform and sink that is in the tree is registered', async () => {
  // Functions cannot be written in YAML.
  const typescriptOnly = ['transform map-concurrent', 'transform map-in-workers', 'transform filter-in-workers'];
  const known = new Set(components.map(({ role, type }) => `${role} ${type}`));
  for (const role of ['source', 'transform', 'sink']) {
    const files = (await readdir(new URL(`../src/${role}s`, import.meta.url))).filter((name) => name.endsWith('.ts'));
    const unknown = files.map((name) => `${role} ${name.replace(/\.ts$/, '')}`).filter((name) => !known.has(name));
    assert.deepEqual(
      unknown.filter((name) => !typescriptOnly.includes(name)),
      [],
    );
  }
});

test('every option says what it is for, with examples and defaults that it takes', () => {
  for (const component of components) {
    for (const info of optionInfos(component)) {
      assert.notEqual(info.description, '', `${component.type}: ${info.name}`);
      assert.notEqual(info.type, 'any value', `${component.type}: ${info.name}`);
    }
    const schema = optionsSchema(component);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      for (const example of property.examples ?? []) {
        // What a variable holds is not known here.
        if (String(example).includes('${')) continue;
        const accepted = z.fromJSONSchema(property as Parameters<typeof z.fromJSONSchema>[0]).safeParse(example);
        assert.ok(accepted.success, `${component.type}: ${name}: ${JSON.stringify(example)}`);
      }
    }
  }
});

test('every example of a component makes a stage', () => {
  for (const component of components) {
    for (const text of component.examples ?? []) {
      const { type, ...options } = exampleOf(text);
      assert.equal(type, component.type);
      assert.deepEqual(component.options.safeParse(options).error?.issues, undefined, text);
      assert.equal(component.create(options).role, component.role);
    }
  }
});

const validator = z.fromJSONSchema(pipelineSchema(components) as Parameters<typeof z.fromJSONSchema>[0]);

test('the JSON Schema takes the pipeline files, and variables where numbers stand', async () => {
  const folder = new URL('../pipelines/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const parsed = validator.safeParse(parse(await readFile(new URL(file, folder), 'utf8')));
    assert.deepEqual(parsed.error?.issues, undefined, file);
  }
  const sink = { type: 'discard' };
  assert.ok(validator.safeParse({ source: { type: 'jsonl', path: 'x', batchSize: '${SIZE:-5}' }, sink }).success);
});

test('the JSON Schema refuses what the command refuses', () => {
  const good = { source: { type: 'jsonl', path: 'x' }, sink: { type: 'stdout' } };
  assert.ok(validator.safeParse(good).success);
  const bad = [
    {},
    { ...good, source: { type: 'jsonl' } },
    { ...good, source: { type: 'jsonl', path: 'x', batchSiz: 3 } },
    { ...good, source: { type: 'jsonl', path: 'x', batchSize: 'many' } },
    { ...good, source: { type: 'stdout' } },
    { ...good, sink: { type: 'jsonl', path: 'x', ifExists: 'maybe' } },
    { ...good, transforms: [{ type: 'jsonl', path: 'x' }] },
    { ...good, onReject: 'go' },
    { ...good, more: 1 },
  ];
  for (const value of bad) assert.equal(validator.safeParse(value).success, false, JSON.stringify(value));
});

test('types read as words', () => {
  const cases: readonly (readonly [JsonSchema, string])[] = [
    [{}, 'any value'],
    [{ type: 'string' }, 'string'],
    [{ type: 'integer', exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER }, 'integer above 0'],
    [{ type: 'number', minimum: 0, maximum: 1 }, 'number from 0 up to 1'],
    [{ enum: ['a', 'b'] }, '"a" or "b"'],
    [{ const: 'stop' }, '"stop"'],
    [{ type: 'boolean' }, 'true or false'],
    [{ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, 'string or list of strings'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'map to number'],
    [{ type: 'object', additionalProperties: false }, 'map'],
  ];
  for (const [schema, text] of cases) assert.equal(typeText(schema), text);
});
