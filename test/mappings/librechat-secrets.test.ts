import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withoutSecrets, withoutSignature } from '../../src/mappings/librechat-secrets.ts';
import { librechatOwner, librechatUser } from '../../src/mappings/librechat-user.ts';

const links = [
  [
    'https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Expires=9&X-Amz-Signature=s',
    'https://b.s3.eu-west-1.amazonaws.com/k',
  ],
  [
    'https://firebasestorage.googleapis.com/v0/b/c/o/k?alt=media&token=t',
    'https://firebasestorage.googleapis.com/v0/b/c/o/k?alt=media',
  ],
  ['https://x.blob.core.windows.net/c/k?sv=2&se=3&sp=r&sig=s', 'https://x.blob.core.windows.net/c/k'],
  ['https://d.cloudfront.net/k?Expires=1&Signature=s&Key-Pair-Id=K#page', 'https://d.cloudfront.net/k#page'],
  ['https://example.org/page?id=5&expires=soon', 'https://example.org/page?id=5&expires=soon'],
  ['/images/u/avatar.png?manual=true', '/images/u/avatar.png?manual=true'],
  ['https://example.org/', 'https://example.org/'],
] as const;

test('withoutSignature takes the key out of a link and leaves the rest', () => {
  for (const [link, expected] of links) assert.equal(withoutSignature(link), expected);
});

test('withoutSecrets leaves out members with a secret name, at any depth, and says where', () => {
  const found: string[] = [];
  const value = {
    a: [{ password: 'x', kept: 1 }],
    metadata: { thoughtSignatures: { c: 's' } },
    auth: null,
    link: links[0][0],
    loud: 'HTTPS://example.org/k?Signature=s',
  };
  assert.deepEqual(
    withoutSecrets(value, (path) => found.push(path)),
    {
      a: [{ kept: 1 }],
      metadata: {},
      auth: null,
      link: links[0][1],
      loud: 'HTTPS://example.org/k',
    },
  );
  assert.deepEqual(found, ['a.password', 'metadata.thoughtSignatures', 'link', 'loud']);
  assert.equal(value.a[0]?.password, 'x', 'the value handed in stays as it was');
});

test('a value without secrets comes back as the same object', () => {
  const value = { a: [1, 'https://example.org/?q=1', { b: null }] };
  assert.equal(
    withoutSecrets(value, () => assert.fail('nothing to find')),
    value,
  );
});

test('a user leaves by a list of what may go: unknown and secret fields stay', () => {
  const user = {
    _id: { $oid: '0123456789abcdef01234567' },
    email: 'ana@example.org',
    name: 'Ana',
    username: '',
    provider: 'openid',
    role: 'USER',
    openidId: 'sub-1',
    idOnTheSource: 'dir-1',
    password: 'PLANTED',
    totpSecret: 'PLANTED',
    fieldOfTheFuture: 'PLANTED',
    refreshToken: [{ refreshToken: 'PLANTED' }],
    avatar: 'https://b.s3.amazonaws.com/a?X-Amz-Signature=PLANTED',
    createdAt: { $date: '2025-01-01T00:00:00Z' },
  };
  assert.deepEqual(librechatUser(user), {
    id: '0123456789abcdef01234567',
    name: 'Ana',
    username: '',
    email: 'ana@example.org',
    provider: 'openid',
    role: 'USER',
    idOnTheSource: 'dir-1',
    avatar: 'https://b.s3.amazonaws.com/a',
    createdAt: '2025-01-01T00:00:00.000Z',
  });
  assert.deepEqual(librechatOwner('0123456789abcdef01234567', user), {
    id: '0123456789abcdef01234567',
    email: 'ana@example.org',
    name: 'Ana',
    directoryId: 'dir-1',
  });
  assert.deepEqual(librechatOwner('u', null), { id: 'u' });
});
