import assert from 'node:assert/strict';
import { test } from 'node:test';

import { librechatToFile } from '../../src/mappings/librechat-files.ts';

const cases = [
  {
    name: 'a local upload',
    file: { source: 'local', filepath: '/uploads/u1/f__a.pdf' },
    expected: { paths: ['uploads/u1/f__a.pdf', 'u1/f__a.pdf'] },
  },
  {
    name: 'a local image without a word about its storage',
    file: { filepath: '/images/u1/f.webp' },
    expected: { storage: 'local', paths: ['images/u1/f.webp', 'u1/f.webp', 'client/public/images/u1/f.webp'] },
  },
  {
    name: 'an avatar with a query',
    file: { source: 'local', filepath: '/images/u1/avatar.png?manual=true' },
    expected: {
      paths: [
        'images/u1/avatar.png',
        'u1/avatar.png',
        'client/public/images/u1/avatar.png',
        'images/u1/avatar.png?manual=true',
        'u1/avatar.png?manual=true',
        'client/public/images/u1/avatar.png?manual=true',
      ],
    },
  },
  {
    name: 'a way out by ..',
    file: { source: 'local', filepath: '/uploads/u1/../../etc/passwd' },
    expected: { unavailable: 'refused' },
  },
  {
    name: 'a way out by backslashes',
    file: { source: 'local', filepath: 'uploads\\..\\..\\x' },
    expected: { unavailable: 'refused' },
  },
  {
    name: 'a way out by NUL',
    file: { source: 'local', filepath: '/uploads/u1/a\0.png' },
    expected: { unavailable: 'refused' },
  },
  {
    name: 'dots that are part of a name',
    file: { source: 'local', filepath: '/uploads/u1/a..b' },
    expected: { paths: ['uploads/u1/a..b', 'u1/a..b'] },
  },
  {
    name: 'a presigned link',
    file: { source: 's3', filepath: 'https://b.s3.eu-west-1.amazonaws.com/uploads/u1/f__a%20b.pdf?X-Amz-Signature=x' },
    expected: {
      paths: ['uploads/u1/f__a b.pdf', 'u1/f__a b.pdf'],
      url: 'https://b.s3.eu-west-1.amazonaws.com/uploads/u1/f__a%20b.pdf',
    },
  },
  {
    name: 'a path-style link',
    file: { source: 's3', filepath: 'https://s3.eu-west-1.amazonaws.com/b/images/u1/f.webp' },
    expected: { paths: ['b/images/u1/f.webp', 'images/u1/f.webp', 'u1/f.webp'] },
  },
  {
    name: 'a link that goes up once decoded',
    file: { source: 's3', filepath: 'https://b.s3.amazonaws.com/uploads/%2e%2e/%2e%2e/x' },
    expected: { unavailable: 'refused' },
  },
  {
    name: 'a storage key with its region',
    file: { source: 'cloudfront', filepath: 'https://cdn.example.org/x', storageKey: 'r/eu-west-1/uploads/u1/f.pdf' },
    expected: {
      paths: ['r/eu-west-1/uploads/u1/f.pdf', 'uploads/u1/f.pdf', 'u1/f.pdf'],
      extra: { storageKey: 'r/eu-west-1/uploads/u1/f.pdf' },
    },
  },
  {
    name: 'Azure, container first',
    file: { source: 'azure_blob', filepath: 'https://a.blob.core.windows.net/files/images/u1/f.webp' },
    expected: { paths: ['files/images/u1/f.webp', 'images/u1/f.webp', 'u1/f.webp'] },
  },
  {
    name: 'Firebase, the key in one segment',
    file: {
      source: 'firebase',
      filepath: 'https://firebasestorage.googleapis.com/v0/b/c/o/images%2Fu1%2Ff.webp?alt=media&token=t',
    },
    expected: {
      paths: ['images/u1/f.webp', 'u1/f.webp'],
      url: 'https://firebasestorage.googleapis.com/v0/b/c/o/images%2Fu1%2Ff.webp?alt=media',
    },
  },
  {
    name: 'a percent sign that encodes nothing',
    file: { source: 's3', filepath: 'https://b.s3.amazonaws.com/uploads/u1/100%.txt' },
    expected: { paths: ['uploads/u1/100%.txt', 'u1/100%.txt'] },
  },
  {
    name: 'a provider',
    file: { source: 'openai', filepath: 'https://api.openai.com/v1/files/f' },
    expected: { unavailable: 'providerOnly' },
  },
  {
    name: 'Azure’s provider',
    file: { source: 'azure', filepath: 'https://x.openai.azure.com/files/f' },
    expected: { unavailable: 'providerOnly' },
  },
  { name: 'only chunks', file: { source: 'vectordb', filepath: 'vectordb' }, expected: { unavailable: 'indexOnly' } },
  {
    name: 'only text',
    file: { source: 'text', filepath: '/tmp/x', text: 'words' },
    expected: { unavailable: 'textOnly', text: 'words' },
  },
  {
    name: 'only text, read by eye',
    file: { source: 'mistral_ocr', filepath: 'https://api.example/x' },
    expected: { unavailable: 'textOnly' },
  },
  {
    name: 'a result of a tool',
    file: { filepath: '/api/files/code/download/s/f' },
    expected: { storage: 'execute_code', unavailable: 'expired' },
  },
  {
    name: 'a storage of the future',
    file: { source: 'tape', filepath: 'reel 7' },
    expected: { unavailable: 'unknownStorage' },
  },
  { name: 'no path', file: { source: 'local' }, expected: { unavailable: 'missing' } },
  { name: 'nothing', file: {}, expected: { unavailable: 'unknownStorage' } },
  {
    name: 'fields of other types are kept as they are',
    file: { source: 'openai', bytes: '12', filename: 7, object: 'thing', user: 'another', __v: 0 },
    expected: { unavailable: 'providerOnly', extra: { bytes: '12', filename: 7, object: 'thing', user: 'another' } },
  },
] as const;

test('librechatToFile', async (t) => {
  for (const { name, file, expected } of cases) {
    await t.test(name, () => {
      const { url, ...record } = librechatToFile('f', { file_id: 'f', ...file }, 'u1');
      const { source: storage, filepath } = { source: undefined, filepath: undefined, ...file };
      const { url: expectedUrl = filepath, ...rest } = { url: undefined, ...expected };
      assert.equal(url, expectedUrl);
      assert.deepEqual(record, { id: 'f', ...(storage !== undefined && { storage }), ...rest });
    });
  }
});
