import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { BSON, type Document, ObjectId } from 'bson';
import fc from 'fast-check';
import { damageCensus } from './librechat-data/damage-census.ts';
import { featuresOf } from './librechat-data/features.ts';
import { generateLibrechat } from './librechat-data/generate-librechat.ts';
import type { Manifest } from './librechat-data/manifest.ts';
import type { GeneratedRecord, GenerateOptions } from './librechat-data/types.ts';

const SMALL = { conversations: 60, users: 6, textScale: 0.1, maxTurns: 6 };
const CREDENTIALS = [
  'keys',
  'tokens',
  'sessions',
  'pluginauths',
  'refreshtokenbridges',
  'openidrefreshflights',
  'agentapikeys',
  'skillsynccredentials',
  'auditlogs',
];
const SECRET_USER_FIELDS = [
  'password',
  'totpSecret',
  'backupCodes',
  'pendingTotpSecret',
  'pendingBackupCodes',
  'refreshToken',
];
// Kinds that the census finds without help; the others are marked by what the generator alone knows.
const CENSUS_KINDS = new Set(
  `parent-trailing-underscore id-trailing-underscores missing-parent self-parent parent-cycle root-parent-null
  root-parent-empty root-parent-absent root-parent-claude duplicate-exact duplicate-conflicting created-at-absent
  time-before-parent time-equals-parent conversation-id-null conversation-id-empty conversation-id-absent
  message-conversation-id-null message-conversation-id-empty message-conversation-id-absent orphan-message empty-chat
  same-id-two-users deleted-user content-null-holes nul-character replacement-character odd-characters
  text-copies-content`.split(/\s+/u),
);

test('the same seed gives the same bytes, another seed gives others', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const digest = (of: number): string => digestOf(generateLibrechat({ ...SMALL, seed: of, damage: true }).records);
      assert.equal(digest(seed), digest(seed));
      assert.notEqual(digest(seed), digest(seed + 1));
    }),
    { numRuns: 5 },
  );
});

test('the manifest counts exactly the damage that an independent look at the documents finds', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 40, max: 2600 }), (seed, conversations) => {
      const { documents, manifest } = generate({ ...SMALL, seed, conversations, damage: true, binaries: false });
      const expected = Object.entries(manifest.damage).filter(([kind]) => CENSUS_KINDS.has(kind));
      const found = damageCensus(documents);
      assert.deepEqual(sorted(found), sorted(Object.fromEntries(expected.map(([kind, { count }]) => [kind, count]))));
    }),
    {
      numRuns: 8,
      examples: [
        [1, 38],
        [2, 2000],
      ],
    },
  );
});

test('without damage the documents have none', () => {
  const { documents, manifest } = generate({ ...SMALL, seed: 3, conversations: 500 });
  assert.deepEqual(damageCensus(documents), {});
  assert.deepEqual(manifest.damage, {});
});

test('every damage case says whose it is, and expected parents and kept documents exist', () => {
  const { documents, manifest } = generate({ ...SMALL, seed: 4, conversations: 1600, damage: true });
  const byMessageId = new Set(documents.messages?.map(({ messageId }) => messageId));
  const byId = new Set(documents.messages?.map(({ _id }) => String(_id)));
  for (const [kind, { count, cases }] of Object.entries(manifest.damage)) {
    assert.equal(count, cases.length, kind);
    assert.ok(count >= 2, `${kind} is planted once for each thousand`);
    for (const { user, messageId, expect = {} } of cases) {
      assert.ok(manifest.users[user ?? ''], kind);
      if (messageId !== undefined) assert.ok(byMessageId.has(messageId), kind);
      if (typeof expect.parent === 'string') assert.ok(byMessageId.has(expect.parent), kind);
      for (const id of [expect.keep, expect.drop]) if (id !== undefined) assert.ok(byId.has(id), kind);
    }
  }
});

test('the manifest counts documents by collection and by owner, features and binaries', () => {
  const { records, documents, manifest } = generate({ ...SMALL, seed: 5, damage: true });
  const lengths = Object.entries(documents).map(([name, list]) => [name, list.length] as const);
  assert.deepEqual(sorted(manifest.collections), sorted(Object.fromEntries(lengths)));
  for (const collection of ['conversations', 'messages', 'files'] as const) {
    const byOwner = Object.values(manifest.users).reduce((sum, counts) => sum + counts[collection], 0);
    assert.equal(byOwner, documents[collection]?.length, collection);
  }
  const features = Object.entries(documents).flatMap(([name, list]) => list.flatMap((one) => featuresOf(name, one)));
  const counted: Record<string, number> = {};
  for (const name of features) counted[name] = (counted[name] ?? 0) + 1;
  const stated = Object.entries(manifest.features).filter(([name]) => !name.startsWith('tree:'));
  assert.deepEqual(sorted(Object.fromEntries(stated)), sorted(counted));
  const binaries = records.filter((record) => 'path' in record);
  assert.equal(manifest.binaries.count, binaries.length);
  assert.equal(new Set(binaries.map(({ path }) => path)).size, binaries.length, 'no path twice');
});

test('owners are strings or ObjectIds as each collection keeps them', () => {
  const { documents } = generate({ ...SMALL, seed: 6, damage: true });
  const strings = ['conversations', 'messages', 'conversationtags', 'chatprojects', 'sharedlinks', 'presets'];
  for (const name of strings) for (const { user } of documents[name] ?? []) assert.match(user, /^[0-9a-f]{24}$/u, name);
  for (const name of ['files', 'toolcalls', 'transactions', 'balances'])
    for (const { user } of documents[name] ?? []) assert.ok(user instanceof ObjectId, name);
});

test('every kind of credential and every secret field of users holds a planted secret', () => {
  const { documents, manifest } = generate({ ...SMALL, seed: 7, damage: true });
  for (const user of documents.users ?? []) {
    for (const field of SECRET_USER_FIELDS) assert.match(JSON.stringify(user[field]), /PLANTED/u, field);
    const { open } = splitSecrets(user);
    assert.doesNotMatch(JSON.stringify(open), /PLANTED/u);
  }
  for (const name of CREDENTIALS) {
    assert.ok((documents[name]?.length ?? 0) > 0, name);
    for (const document of documents[name] ?? []) assert.match(JSON.stringify(document), /PLANTED/u, name);
  }
  for (const field of ['sharedlinks.shareId', 'messages.content.tool_call.auth', 'messages.metadata.thoughtSignatures'])
    assert.ok((manifest.secrets.fields[field] ?? 0) > 0, field);
});

test('every local file has its bytes, but for those the manifest says are broken', () => {
  const { records, documents, manifest } = generate({ ...SMALL, seed: 8, damage: true });
  const sizes = new Map(
    records.flatMap((record) => ('path' in record ? [[`/${record.path}`, record.bytes.length]] : [])),
  );
  const broken = new Set(
    ['file-without-binary', 'file-unreadable', 'file-path-escape', 'file-bytes-wrong'].flatMap(
      (kind) => manifest.damage[kind]?.cases.map(({ fileId }) => fileId) ?? [],
    ),
  );
  const local = (documents.files ?? []).filter(({ source, file_id }) => source === 'local' && !broken.has(file_id));
  assert.ok(local.length > 10);
  for (const { filepath, bytes } of local) assert.equal(sizes.get(filepath.replace(/\?.*$/u, '')), bytes, filepath);
});

test('documents hold no undefined value and survive BSON in field order', () => {
  const { original } = generate({ ...SMALL, seed: 9, damage: true });
  for (const { document } of original) {
    assert.deepEqual(Object.keys(BSON.deserialize(BSON.serialize(document))), Object.keys(document));
  }
});

test('without exotic values nothing is in the data that a simpler server refuses', () => {
  const refused = (exotic: boolean): string[] =>
    generate({ ...SMALL, seed: 12, damage: true, exotic }).original.flatMap(({ document }) => refusedValues(document));
  assert.deepEqual(refused(false), []);
  assert.deepEqual(
    new Set(refused(true)),
    new Set(['Decimal128', 'NaN or Infinity', 'nested array', 'key with $ or .']),
  );
});

test('big messages are added in the number and size asked for', () => {
  for (const { conversations, count } of [
    { conversations: 50, count: 3 },
    { conversations: 10, count: 40 },
  ]) {
    const { documents } = generate({ ...SMALL, conversations, seed: 10, big: { count, bytes: 100_000 } });
    const big = documents.messages?.filter((message) => BSON.calculateObjectSize(message) > 100_000) ?? [];
    assert.equal(big.length, count);
  }
});

test('options that leave no room for what must be planted are refused', () => {
  assert.throws(() => generate({ seed: 1, conversations: 37, damage: true }), /expected at least 38 conversations/u);
  assert.throws(() => generate({ seed: 1, conversations: 6 }), /expected at least 7 conversations/u);
  assert.throws(
    () => generateLibrechat({ seed: 1, conversations: 40, users: 3, damage: true }),
    /expected at least 4 users/u,
  );
});

interface Generated {
  readonly records: GeneratedRecord[];
  /** As generated. */
  readonly original: { readonly collection: string; readonly document: Document }[];
  /** As a reader of BSON gets them. */
  readonly documents: Record<string, Document[]>;
  readonly manifest: Manifest;
}

function generate(options: GenerateOptions): Generated {
  const data = generateLibrechat(options);
  const records = [...data.records];
  const original = records.filter((record) => 'document' in record);
  const documents: Record<string, Document[]> = {};
  for (const { collection, document } of original) {
    const list = documents[collection] ?? [];
    documents[collection] = list;
    list.push(BSON.deserialize(BSON.serialize(document)));
  }
  return { records, original, documents, manifest: data.manifest };
}

/** What FerretDB 1.24 closes the connection or refuses the insert for. */
function refusedValues(value: unknown): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : ['NaN or Infinity'];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value))
    return value.flatMap((one) => [...(Array.isArray(one) ? ['nested array'] : []), ...refusedValues(one)]);
  if ('_bsontype' in value) return value._bsontype === 'Decimal128' ? ['Decimal128'] : [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(/[$.]/u.test(key) ? ['key with $ or .'] : []),
    ...refusedValues(inner),
  ]);
}

function digestOf(records: Iterable<GeneratedRecord>): string {
  const hash = createHash('sha256');
  for (const record of records) {
    if ('document' in record) hash.update(record.collection).update(BSON.serialize(record.document));
    else hash.update(record.path).update(record.bytes);
  }
  return hash.digest('hex');
}

function splitSecrets(user: Document): { open: Document } {
  return { open: Object.fromEntries(Object.entries(user).filter(([field]) => !SECRET_USER_FIELDS.includes(field))) };
}

function sorted(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
}
