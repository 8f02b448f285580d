import type { Document } from 'bson';
import type { GeneratedRecord, Owner, World } from './types.ts';

const PROVIDERS = ['local', 'local', 'google', 'openid', 'github', 'ldap'] as const;
const ODD_EMAILS = ['ana+maria@example.org', 'ana!maria@example.org', '../../"ødd näme"@xn--exmple-cua.org'] as const;

/** E-mail of the n-th user; with damage, users 1 to 3 have addresses that collide as folder names or break them. */
export function emailOf(index: number, hasDamage: boolean): string {
  const odd = hasDamage ? ODD_EMAILS[index - 1] : undefined;
  return odd ?? `user${String(index).padStart(3, '0')}@example.org`;
}

/** A user, with secrets in every field that may hold one, and what hangs on a user in other collections. */
export function* userRecords(world: World, owner: Owner, index: number): Generator<GeneratedRecord> {
  const { random, record } = world;
  const createdMs = owner.id.getTimestamp().getTime() + 250;
  const date = new Date(createdMs);
  const provider = PROVIDERS[index % PROVIDERS.length] as string; // in range
  const s = (field: string, rest: string): string => record.secret(`users.${field}`, rest);
  const document: Document = {
    _id: owner.id,
    name: index % 4 === 3 ? `Zoë ${index} 🧑‍💻` : `User ${index}`,
    username: index % 5 === 4 ? '' : `user${index}`,
    email: owner.email,
    emailVerified: index % 3 !== 2,
    password: `$2b$10$${s('password', random.letters(46))}`,
    avatar: index % 2 === 0 ? null : `/images/${owner.hex}/avatar.png?manual=true`,
    provider,
    role: index === 0 ? 'ADMIN' : 'USER',
    ...(provider === 'google' ? { googleId: random.hex(10) } : {}),
    ...(provider === 'openid'
      ? { openidId: random.uuid(), openidIssuer: 'https://login.example.org', idOnTheSource: random.uuid() }
      : {}),
    ...(provider === 'github' ? { githubId: String(random.int(1, 9_999_999)) } : {}),
    ...(provider === 'ldap' ? { ldapId: `uid=user${index},ou=people` } : {}),
    plugins: [],
    twoFactorEnabled: index % 2 === 0,
    totpSecret: s('totpSecret', random.letters(25).toUpperCase()),
    backupCodes: [{ codeHash: s('backupCodes', random.hex(24)), used: false, usedAt: null }],
    pendingTotpSecret: s('pendingTotpSecret', random.letters(25).toUpperCase()),
    pendingBackupCodes: [{ codeHash: s('pendingBackupCodes', random.hex(24)), used: false, usedAt: null }],
    refreshToken: [{ refreshToken: `eyJhbGciOiJIUzI1NiJ9.${s('refreshToken', random.letters(40))}` }],
    termsAccepted: true,
    ...(index % 2 === 0
      ? { personalization: { memories: true }, favorites: [{ model: 'gpt-4o', endpoint: 'openAI' }], pinnedOrder: [] }
      : {}),
    createdAt: date,
    updatedAt: date,
    __v: 0,
  };
  record.owner(owner.hex, owner.email, false);
  yield { collection: 'users', document };
  yield* credentialRecords(world, owner, createdMs);
}

/** Collections that hold credentials and nothing else: never to be exported. */
function* credentialRecords(world: World, owner: Owner, createdMs: number): Generator<GeneratedRecord> {
  const { random, record, objectId } = world;
  const date = new Date(createdMs);
  const later = new Date(createdMs + 86_400_000);
  const make: Record<string, () => Document> = {
    keys: () => ({
      userId: owner.id,
      name: 'openAI',
      value: record.secret('keys.value', random.hex(48)),
      expiresAt: later,
      __v: 0,
    }),
    tokens: () => ({
      userId: owner.id,
      email: owner.email,
      type: 'oauth',
      identifier: 'mcp:github',
      token: record.secret('tokens.token', random.hex(32)),
      createdAt: date,
      expiresAt: later,
    }),
    sessions: () => ({
      refreshTokenHash: record.secret('sessions.refreshTokenHash', random.hex(32)),
      expiration: later,
      user: owner.id,
      __v: 0,
    }),
    pluginauths: () => ({
      authField: 'GOOGLE_API_KEY',
      value: record.secret('pluginauths.value', random.hex(32)),
      userId: owner.hex,
      pluginKey: 'google',
      createdAt: date,
      updatedAt: date,
      __v: 0,
    }),
    refreshtokenbridges: () => ({
      userId: owner.id,
      token: record.secret('refreshtokenbridges.token', random.hex(32)),
      createdAt: date,
    }),
    openidrefreshflights: () => ({
      userId: owner.id,
      payload: record.secret('openidrefreshflights.payload', random.hex(32)),
      createdAt: date,
    }),
    agentapikeys: () => ({
      userId: owner.id,
      name: 'ci',
      keyHash: record.secret('agentapikeys.keyHash', random.hex(32)),
      keyPrefix: 'sk-',
      createdAt: date,
      updatedAt: date,
      __v: 0,
    }),
    skillsynccredentials: () => ({
      userId: owner.id,
      token: record.secret('skillsynccredentials.token', random.hex(32)),
      createdAt: date,
    }),
    auditlogs: () => ({
      userId: owner.id,
      action: 'login',
      detail: record.secret('auditlogs.detail', random.hex(8)),
      createdAt: date,
    }),
  };
  for (const [collection, document] of Object.entries(make))
    yield { collection, document: { _id: objectId(createdMs), ...document() } };
}
