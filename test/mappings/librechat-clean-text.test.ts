import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withoutSecretsInText } from '../../src/mappings/librechat-clean-text.ts';

const signed = 'https://bucket.s3.amazonaws.com/images/a.png?X-Amz-Signature=abc&X-Amz-Expires=60';

const cases: readonly {
  readonly name: string;
  readonly text: string;
  readonly expected?: string;
  readonly found?: number;
}[] = [
  { name: 'what holds no secret is the same bytes', text: '{"text":"a","n":1.50,"_id":{"$oid":"65"}}' },
  { name: 'words that name a secret are no secret', text: '{"text":"my \\"password\\": 1 ?sig=2","content":null}' },
  { name: 'a link the user wrote keeps its signature', text: `{"text":${JSON.stringify(signed)}}` },
  {
    name: 'what tools were asked and answered stays',
    text: `{"content":[{"type":"tool_call","tool_call":{"args":{"password":"x"},"output":"{\\"apiKey\\":1}"}}]}`,
  },
  {
    name: 'a call loses the link that signs in',
    text: '{"content":[{"type":"tool_call","tool_call":{"args":"{}","auth":"https://a","output":"o"}}],"text":""}',
    expected: '{"content":[{"type":"tool_call","tool_call":{"args":"{}","output":"o"}}],"text":""}',
    found: 1,
  },
  {
    name: 'a file loses its signature, the rest of the link stays',
    text: `{"text":"t","files":[{"filepath":${JSON.stringify(signed)}}]}`,
    expected: '{"text":"t","files":[{"filepath":"https://bucket.s3.amazonaws.com/images/a.png"}]}',
    found: 1,
  },
  {
    name: 'a name written with escapes is no way around',
    text: '{"metadata":{"thought\\u0053ignatures":{"a":"b"},"kept":9007199254740993}}',
    expected: '{"metadata":{"kept":{"$numberLong":"9007199254740993"}}}',
    found: 1,
  },
  { name: 'null is no secret', text: '{"shareId":null}' },
];

test('withoutSecretsInText', async (t) => {
  for (const { name, text, expected = text, found = 0 } of cases) {
    await t.test(name, () => {
      const paths: string[] = [];
      const given = Buffer.from(text);
      const clean = withoutSecretsInText(given, 'message', (path) => paths.push(path));
      assert.equal(clean.toString(), expected);
      assert.equal(paths.length, found);
      if (found === 0) assert.equal(clean, given);
    });
  }
});
