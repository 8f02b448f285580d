import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { asConversation, CONVERSATION_SCHEMA, isConversation } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';

const page = readFileSync(new URL('../../docs/conversation.md', import.meta.url), 'utf8');

test('the example on the documentation page is a valid record', () => {
  const example: unknown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  assert.deepEqual(conversationSchema.parse(example), example);
  assert.ok(isConversation(example));
});

test('the documentation page names every field of the record', () => {
  const names = (schema: { readonly shape: object }): string[] => Object.keys(schema.shape);
  const { shape } = conversationSchema;
  const all = [
    conversationSchema,
    shape.messages.element,
    shape.tree,
    shape.files.element,
    shape.settings,
    shape.source,
    shape.owner,
  ].flatMap(names);
  for (const part of shape.messages.element.shape.parts.element.options)
    all.push(...names(part), part.shape.type.value);
  all.push(...shape.files.element.shape.unavailable.unwrap().options);
  assert.deepEqual(
    [...new Set(all)].filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name}:`)).sort(),
    [],
  );
});

test('asConversation says what it got instead', () => {
  const cases = [
    [null, /received object/],
    ['x', /received string/],
    [{ schema: 'threadmill/conversation@2', messages: [] }, /received schema "threadmill\/conversation@2"/],
    [{ schema: CONVERSATION_SCHEMA }, /received schema/],
  ] as const;
  for (const [record, message] of cases)
    assert.throws(() => asConversation(record), { code: 'ETL_RECORD_INVALID', message });
});

test('the schema refuses fields it does not know, so that sources keep theirs in extra', () => {
  const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as object;
  assert.ok(!conversationSchema.safeParse({ ...example, colour: 'red' }).success);
  assert.ok(!conversationSchema.safeParse({ ...example, createdAt: 'yesterday' }).success);
});
