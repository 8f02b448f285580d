import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Json } from '../../src/json.ts';
import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import { isBookkeeping, isSecret } from '../../src/mappings/librechat-secrets.ts';
import type { LibrechatChat } from '../../src/models/librechat.ts';
import { joinedLibrechat } from '../helpers/joined-librechat.ts';

const options = { seed: 5, conversations: 400, users: 6, damage: true, textScale: 0.05, maxTurns: 12 };

/** Everything a person or a model wrote, and every value that tells one document from another: all leaves that are not flags. */
function leaves(value: Json | undefined, into: string[], name = ''): string[] {
  if (typeof value === 'string' && value !== '') into.push(value);
  else if (typeof value === 'number') into.push(String(value));
  else if (Array.isArray(value)) for (const entry of value as readonly Json[]) leaves(entry, into, name);
  else if (typeof value === 'object' && value !== null) {
    for (const [member, below] of Object.entries(value)) {
      if (isBookkeeping(member) || isSecret(member)) continue;
      leaves(below, into, member);
    }
  }
  return into;
}

/** What the mapping says in other words: dates, ratings, markers, inner types of parts, and links without signatures. */
function isSaidOtherwise(leaf: string): boolean {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(leaf) || leaf.includes('PLANTED')) return true;
  const words = [
    'thumbsUp',
    'thumbsDown',
    '00000000-0000-0000-0000-000000000000',
    'tool_call',
    'text',
    'think',
    'steer',
    'image_file',
    'input_audio',
    'file',
    'logs',
  ];
  return words.includes(leaf) || leaf === '1' || (/^\d{10,}$/.test(leaf) === false && /^-?\d$/.test(leaf));
}

function allLeaves({ conversation, copies = [], messages, files }: LibrechatChat): string[] {
  const into: string[] = [];
  for (const document of [conversation, ...copies, ...messages])
    if (document !== null) leaves({ ...document, messages: undefined } as unknown as Json, into);
  for (const file of files) leaves(file as unknown as Json, into);
  return into;
}

test('every word, number and id of a LibreChat chat is somewhere in its conversation', () => {
  const { chats } = joinedLibrechat(options);
  for (const chat of chats) {
    const { conversation } = librechatToConversation(chat);
    const kept = new Set(leaves(conversation as unknown as Json, []));
    const text = JSON.stringify(conversation);
    const lost = allLeaves(chat).filter(
      (leaf) => !kept.has(leaf) && !isSaidOtherwise(leaf) && !text.includes(JSON.stringify(leaf).slice(1, -1)),
    );
    assert.deepEqual([...new Set(lost)], [], `${conversation.id} lost something`);
  }
});

test('what is lost on purpose is listed, and nothing is listed twice over', () => {
  const { chats, manifest } = joinedLibrechat({ ...options, damage: false });
  const losses = chats.flatMap((chat) => librechatToConversation(chat).losses);
  assert.ok(losses.every(({ kind }) => kind === 'secret'));
  const signatures = losses.filter(({ detail }) => detail.endsWith('thoughtSignatures'));
  assert.equal(signatures.length, manifest.secrets.fields['messages.metadata.thoughtSignatures']);
});

test('relaxed and canonical documents give the same conversation but for what is kept verbatim', () => {
  const [relaxed, canonical] = (['relaxed', 'canonical'] as const).map((form) => joinedLibrechat(options, form).chats);
  assert.ok(relaxed !== undefined && canonical !== undefined && relaxed.length > 0);
  for (const [place, chat] of relaxed.entries()) {
    const other: LibrechatChat | undefined = canonical[place];
    assert.ok(other !== undefined);
    assert.deepEqual(
      withoutVerbatim(librechatToConversation(other).conversation),
      withoutVerbatim(librechatToConversation(chat).conversation),
    );
  }
});

function withoutVerbatim(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, below: unknown) =>
      ['extra', 'parameters', 'value', 'dropped', 'output', 'arguments'].includes(name) ? undefined : below,
    ),
  );
}

test('the documents handed in are left as they were', () => {
  const { chats } = joinedLibrechat({ ...options, conversations: 60 });
  for (const chat of chats) {
    const before = JSON.stringify(chat);
    librechatToConversation(chat);
    assert.equal(JSON.stringify(chat), before);
  }
});
