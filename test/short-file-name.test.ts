import assert from 'node:assert/strict';
import { test } from 'node:test';

import { langgraphMigrate } from '../src/jobs/langgraph-migrate.ts';
import { shortFileName } from '../src/short-file-name.ts';

test('shortFileName', async (t) => {
  await t.test('keeps what any file system takes', () => {
    assert.equal(shortFileName('langgraph-a.example.org:2024/api/ü?x=1'), 'langgraph-a.example.org_2024_api_x_1');
  });
  await t.test('two long texts with one and the same beginning have names of their own', () => {
    const [one, two] = [shortFileName(`${'x'.repeat(200)}1`, 20), shortFileName(`${'x'.repeat(200)}2`, 20)];
    assert.match(one, /^x{20}-[0-9a-f]{8}$/);
    assert.notEqual(one, two);
  });
});

test('deployments under different paths of one host have runs of their own', () => {
  const [one, same, other] = ['https://example.org/a', 'https://example.org/a/', 'https://example.org/b'].map(
    (apiUrl) => langgraphMigrate({ apiUrl }, { apiUrl: 'https://target.example.org' }).name,
  );
  assert.equal(one, same);
  assert.notEqual(one, other);
});
