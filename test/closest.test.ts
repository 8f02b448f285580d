import assert from 'node:assert/strict';
import { test } from 'node:test';

import { closest } from '../src/closest.ts';

const known = ['batchSize', 'path', 'ifExists', 'commitEvery'];

test('finds the name that was meant', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['batchSiz', 'batchSize'],
    ['batchsize', 'batchSize'],
    ['batch_size', 'batchSize'],
    ['btachSize', 'batchSize'],
    ['pth', 'path'],
    ['paht', 'path'],
    ['ifexist', 'ifExists'],
    ['zebra', undefined],
    ['', undefined],
    ['x'.repeat(5000), undefined],
  ];
  for (const [name, expected] of cases) assert.equal(closest(name, known), expected, name);
});
