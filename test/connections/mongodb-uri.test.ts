import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseMongodbUri } from '../../src/connections/mongodb-uri.ts';

test('parseMongodbUri', async (t) => {
  const cases: [string, { where: string; database: string | undefined } | undefined][] = [
    ['mongodb://localhost', { where: 'mongodb://localhost', database: undefined }],
    ['mongodb://localhost:27017/', { where: 'mongodb://localhost:27017', database: undefined }],
    ['mongodb://a:1,b:2/LibreChat?replicaSet=rs', { where: 'mongodb://a:1,b:2/LibreChat', database: 'LibreChat' }],
    [
      'mongodb+srv://me:secret@cluster0.example.net/chat?w=1',
      { where: 'mongodb+srv://cluster0.example.net/chat', database: 'chat' },
    ],
    ['mongodb://me:p%40ss@h/db', { where: 'mongodb://h/db', database: 'db' }],
    ['mongodb://h/my%20db', { where: 'mongodb://h/my db', database: 'my db' }],
    ['mongodb://h/100%', { where: 'mongodb://h/100%', database: '100%' }],
    [' mongodb://h/db\n', { where: 'mongodb://h/db', database: 'db' }],
    ['mongodb://', undefined],
    ['mongodb:///db', undefined],
    ['postgres://h/db', undefined],
    ['h:27017/db', undefined],
    ['', undefined],
  ];
  for (const [uri, expected] of cases) {
    await t.test(JSON.stringify(uri), () => {
      const found = parseMongodbUri(uri);
      assert.deepEqual(found === undefined ? undefined : { where: found.where, database: found.database }, expected);
    });
  }

  for (const secret of ['plain', 'p@ss', 'p/ss', 'p?ss', 'p@ss/w?rd@', '%70']) {
    await t.test(`never shows the password ${secret}`, () => {
      assert.equal(parseMongodbUri(`mongodb://user:${secret}@host/db?authSource=admin`)?.where, 'mongodb://host/db');
    });
  }

  await t.test('knows the options by name', () => {
    assert.deepEqual(
      [...(parseMongodbUri('mongodb://h/?socketTimeoutMS=5&tls=true')?.options ?? [])],
      ['sockettimeoutms', 'tls'],
    );
  });
});
