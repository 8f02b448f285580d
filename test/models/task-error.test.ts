import assert from 'node:assert/strict';
import { test } from 'node:test';

import { taskError } from '../../src/models/task-error.ts';

test('the error of a task is the same, whichever runtime tells it', async (t) => {
  const cases: readonly (readonly [told: unknown, expected: unknown])[] = [
    ["TypeError('gone')", { name: 'Error', message: "TypeError('gone')" }],
    ['{"name":"Error","message":"TypeError(\'gone\')"}', { name: 'Error', message: "TypeError('gone')" }],
    ['{"message":"gone","name":"TypeError"}', { name: 'TypeError', message: 'gone' }],
    ['', { name: 'Error', message: '' }],
    ['{', { name: 'Error', message: '{' }],
    ['{"message":"gone"}', { name: 'Error', message: '{"message":"gone"}' }],
    ['{"name":1,"message":"gone"}', { name: 'Error', message: '{"name":1,"message":"gone"}' }],
    ['"gone"', { name: 'Error', message: '"gone"' }],
    [
      { name: 'Gone', message: 'é', code: 7 },
      { name: 'Gone', message: 'é', code: 7 },
    ],
    [{ code: 7 }, { name: 'Error', message: '{"code":7}' }],
  ];
  for (const [told, expected] of cases)
    await t.test(JSON.stringify(told), () => assert.deepEqual(taskError(told), expected));
});
