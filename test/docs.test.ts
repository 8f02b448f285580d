import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { componentPage } from '../scripts/docs/component-page.ts';
import { withExamples } from '../scripts/docs/guide.ts';
import { defineSource } from '../src/component.ts';

test('a guide shows the code that the tests run, as a reader of the package writes it', () => {
  const page = 'text\n<!-- from examples/a.ts -->\n```ts\nold\n```\nmore\n```ts\nkept\n```\n';
  const code = "import { map } from '../src/index.ts';\nimport { b } from './b.ts';\n";
  const expected = page.replace('old\n', "import { map } from 'threadmill';\nimport { b } from './b.ts';\n");
  const shown = withExamples(page, () => code);
  assert.equal(shown, expected);
  assert.equal(
    withExamples(shown, () => code),
    shown,
  );
});

test('the page of a component holds its options, with what would break a table kept apart', () => {
  const component = defineSource({
    type: 'odd',
    summary: 'Odd things',
    gives: 'any',
    options: z.strictObject({
      path: z
        .string()
        .describe('One | two.')
        .meta({ examples: ['./a'] }),
      key: z.string().describe('Key.').meta({ secret: true }).optional(),
      size: z.int().positive().default(5).describe('Size.'),
    }),
    examples: ['type: odd\npath: ./a'],
    create: () => ({ role: 'source', name: 'odd', read: async function* () {} }),
  });
  const page = componentPage([component]);
  assert.match(page, /\| `path` \| string \| \*\*required\*\* \| One \\\| two\. For example `\.\/a`\. \|/);
  assert.match(page, /\| `key` \| string \| {2}\| Key\. A secret: never printed, put it into a variable\. \|/);
  assert.match(page, /\| `size` \| integer above 0 \| `5` \| Size\. \|/);
  assert.match(page, /```yaml\nsource:\n {2}type: odd\n {2}path: \.\/a\n```/);
});
