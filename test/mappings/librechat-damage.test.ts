import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { joinedLibrechat } from '../helpers/joined-librechat.ts';
import type { Manifest, PlantedCase } from '../helpers/librechat-data/manifest.ts';

// Several rounds of every damage kind among sound chats.
const options = { seed: 11, conversations: 2000, users: 12, damage: true, textScale: 0.05, maxTurns: 30 };

describe('generated data with every kind of damage', () => {
  let manifest: Manifest;
  let conversations: Conversation[];
  const planted = (kind: string): readonly PlantedCase[] => manifest.damage[kind]?.cases ?? [];
  const repairs = (kind: string): string[] =>
    conversations.flatMap(({ owner, tree }) =>
      tree.repairs.filter((repair) => repair.kind === kind).map(({ messageId = '' }) => `${owner.id} ${messageId}`),
    );
  const expected = (...kinds: string[]): string[] =>
    kinds.flatMap((kind) => planted(kind).map(({ user = '', messageId = '' }) => `${user} ${messageId}`));
  const find = ({ user, conversationId }: PlantedCase): Conversation => {
    const found = conversations.find(({ owner, id }) => owner.id === user && id === conversationId);
    assert.ok(found, `conversation ${String(conversationId)} of ${String(user)}`);
    return found;
  };

  before(() => {
    const joined = joinedLibrechat(options);
    manifest = joined.manifest;
    conversations = joined.chats.map((chat) => librechatToConversation(chat).conversation);
  });

  const kinds: readonly (readonly [repair: string, ...damage: string[]])[] = [
    ['duplicate-exact', 'duplicate-exact'],
    ['duplicate-conflicting', 'duplicate-conflicting'],
    ['self-parent', 'self-parent'],
    ['parent-cycle', 'parent-cycle'],
    ['parent-trailing-underscore', 'parent-trailing-underscore'],
    ['missing-parent', 'missing-parent'],
    ['time-absent', 'created-at-absent'],
    ['time-before-parent', 'time-before-parent'],
    ['time-equals-parent', 'time-equals-parent'],
    ['content-holes', 'content-null-holes'],
  ];
  for (const [repair, ...damage] of kinds) {
    test(`${repair} is found exactly where it was planted`, () => {
      assert.ok(expected(...damage).length > 0);
      assert.deepEqual(repairs(repair).sort(), expected(...damage).sort());
    });
  }

  test('nothing else is found in the trees', () => {
    const known = new Set([
      ...kinds.map(([repair]) => repair),
      'conversation-missing',
      'conversation-id-absent',
      'owner-missing',
      'message-list-differs',
      'file-duplicate',
      'file-document-missing',
    ]);
    const found = new Set(conversations.flatMap(({ tree }) => tree.repairs.map(({ kind }) => kind)));
    assert.deepEqual(
      [...found].filter((kind) => !known.has(kind)),
      [],
    );
  });

  test('every mended message hangs where the generator says it belongs', () => {
    const mended = [
      'self-parent',
      'parent-cycle',
      'parent-trailing-underscore',
      'missing-parent',
      'several-roots',
      'id-trailing-underscores',
    ];
    for (const kind of [
      ...mended,
      'root-parent-null',
      'root-parent-empty',
      'root-parent-absent',
      'root-parent-claude',
    ]) {
      assert.ok(planted(kind).length > 0, kind);
      for (const one of planted(kind)) {
        const message = find(one).messages.find(({ id }) => id === one.messageId);
        assert.equal(message?.parentId, one.expect?.['parent'], `${kind} ${String(one.messageId)}`);
      }
    }
  });

  test('of two versions the right one stays, and the other one is kept beside the conversation', () => {
    for (const one of [...planted('duplicate-exact'), ...planted('duplicate-conflicting')]) {
      const message = find(one).messages.find(({ id }) => id === one.messageId);
      assert.equal(message?.source?.recordId, one.expect?.['keep']);
    }
    const dropped = conversations.flatMap(({ source }) => source.dropped ?? []);
    assert.equal(dropped.length, planted('duplicate-conflicting').length + planted('file-id-twice').length);
  });

  test('every message is in exactly one conversation', () => {
    const kept = conversations.reduce((sum, { messages }) => sum + messages.length, 0);
    const duplicates = planted('duplicate-exact').length + planted('duplicate-conflicting').length;
    assert.equal(kept + duplicates, manifest.collections['messages']);
  });

  test('every conversation is there, and orphans make theirs', () => {
    const orphans = conversations.filter(({ source }) => source.orphan === true);
    assert.equal(conversations.length - orphans.length, manifest.collections['conversations']);
    assert.deepEqual(
      orphans.flatMap(({ messages }) => messages.map(({ id }) => id)).sort(),
      planted('orphan-message')
        .map(({ messageId }) => messageId)
        .sort(),
    );
  });

  test('conversations without an id each keep their own messages', () => {
    const without = conversations.filter(({ tree }) =>
      tree.repairs.some(({ kind }) => kind === 'conversation-id-absent'),
    );
    const forms = ['null', 'empty', 'absent'];
    assert.equal(without.length, forms.flatMap((form) => planted(`conversation-id-${form}`)).length);
    assert.ok(without.every(({ messages }) => messages.length === 2));
    assert.equal(new Set(conversations.map(({ key }) => key)).size, conversations.length);
  });

  test('empty chats, one id under two owners, owners who are gone', () => {
    for (const one of planted('empty-chat')) assert.deepEqual(find(one).tree.roots, []);
    for (const one of planted('same-id-two-users')) assert.ok(find(one).messages.length > 0);
    for (const one of planted('deleted-user')) assert.deepEqual(find(one).owner, { id: one.user });
    assert.equal(repairs('owner-missing').length, planted('deleted-user').length);
  });

  test('lists of messages that are not the conversation’s own are noted and kept', () => {
    const differ = conversations.filter(({ source }) => source.extra?.['messages'] !== undefined);
    const expectedIds = [...planted('fork-messages-array'), ...planted('messages-array-incomplete')].map(
      ({ conversationId }) => conversationId,
    );
    assert.deepEqual(differ.map(({ id }) => id).sort(), expectedIds.sort());
    assert.equal(repairs('message-list-differs').length, differ.length);
  });

  test('attachments belong to the message that holds them; ids of others are noted', () => {
    for (const one of planted('attachment-names-other-message')) {
      const message = find(one).messages.find(({ id }) => id === one.messageId);
      const part = message?.parts.find(({ sourceType }) => sourceType === 'attachment');
      assert.notEqual(part?.extra?.['messageId'], undefined);
      assert.notEqual(part?.extra?.['messageId'], one.messageId);
    }
  });

  test('temporary chats by flag, by date, and by neither', () => {
    for (const kind of ['temporary-chat', 'temporary-chat-old', 'expired-chat'])
      for (const one of planted(kind)) assert.equal(find(one).temporary, true, kind);
    for (const one of planted('retention-all-chat')) assert.equal(find(one).temporary, false);
  });

  test('errors, broken-off answers and odd characters come through', () => {
    const message = (one: PlantedCase) => find(one).messages.find(({ id }) => id === one.messageId);
    for (const one of [...planted('error-json'), ...planted('error-text')])
      assert.deepEqual(
        message(one)?.parts.map(({ type }) => type),
        ['error'],
      );
    for (const one of planted('error-part'))
      assert.deepEqual(
        message(one)?.parts.map(({ type }) => type),
        ['text', 'error'],
      );
    for (const one of planted('unfinished')) assert.equal(message(one)?.unfinished, true);
    for (const one of planted('nul-character')) assert.match(JSON.stringify(message(one)?.parts), /before\\u0000after/);
    for (const one of planted('odd-characters'))
      assert.ok(JSON.stringify(message(one)?.parts).includes('{\\"$oid\\":\\"0123456789abcdef01234567\\"}'));
    for (const one of planted('text-copies-content'))
      assert.equal(typeof message(one)?.source?.extra?.['text'], 'string');
    for (const one of planted('odd-metadata')) assert.notEqual(message(one)?.source?.extra?.['metadata'], undefined);
  });

  test('files say where they are, or why not', () => {
    const fileOf = (one: PlantedCase) => find(one).files.find(({ id }) => id === one.fileId);
    for (const one of planted('file-path-escape'))
      assert.deepEqual([fileOf(one)?.unavailable, fileOf(one)?.paths], ['refused', undefined]);
    for (const one of planted('file-entry-without-document')) assert.equal(fileOf(one)?.fromMessage, true);
    for (const one of planted('file-odd-name'))
      assert.match(fileOf(one)?.paths?.[0] ?? '', /^uploads\/[0-9a-f]{24}\/.*résumé 100%25 #1 📎 资料\.pdf$/);
    for (const one of planted('file-id-twice'))
      assert.ok(find(one).tree.repairs.some(({ kind, detail }) => kind === 'file-duplicate' && detail === one.fileId));
    assert.deepEqual(repairs('file-duplicate').length, planted('file-id-twice').length);
  });

  test('branch points and roots of sound chats are the generator’s', () => {
    const damaged = new Set(
      Object.values(manifest.damage).flatMap(({ cases }) => cases.map(({ conversationId }) => conversationId)),
    );
    const sound = conversations.filter(
      ({ id, tree }) => !damaged.has(id) && tree.repairs.every(({ kind }) => !kind.startsWith('conversation')),
    );
    const branchPoints = sound.reduce((sum, { tree }) => sum + tree.branchPoints.length, 0);
    assert.equal(branchPoints, manifest.features['tree:branch-point']);
    assert.equal(
      sound.filter(({ tree }) => tree.roots.length > 1).length,
      manifest.features['tree:several-roots'] ?? 0,
    );
    assert.equal(sound.filter(({ tree }) => tree.hasBranching).length, manifest.features['tree:branched-chat']);
  });

  test('every record is valid, parents first', () => {
    for (const conversation of conversations) {
      const checked = conversationSchema.safeParse(conversation);
      assert.ok(checked.success, `${conversation.id}: ${JSON.stringify(checked.error?.issues[0])}`);
      const seen = new Set<string>();
      for (const { id, parentId } of conversation.messages) {
        assert.ok(parentId === null || seen.has(parentId));
        seen.add(id);
      }
    }
  });

  test('no planted secret is in any record', () => {
    assert.ok(Object.values(manifest.secrets.fields).every((count) => count > 0));
    for (const conversation of conversations)
      assert.ok(!JSON.stringify(conversation).includes(manifest.secrets.mark), conversation.id);
  });
});
