import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { FilePlaces } from '../../../src/sinks/bundle/file-places.ts';
import { fileRef } from '../../helpers/bundle.ts';

test('folders that differ only in case, or in how a letter is composed, do not meet on any file system', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'etl-places-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  const manifest = join(path, 'files_manifest.jsonl');
  await writeFile(manifest, `${JSON.stringify({ key: 'k0', sha256: 'd0', copied_rel_path: 'files/Old/a.txt' })}\n`);
  const places = await FilePlaces.read(manifest, { 'files_manifest.jsonl': 1 });
  assert.equal(places.find('d0'), 'files/Old/a.txt');
  const given = ['old', 'Plan', 'plan', 'caf\u00e9', 'cafe\u0301', 'plan'].map((fileId, i) =>
    places.give(fileRef(fileId, { key: `key ${i}`, name: 'x.txt' }), `digest ${i}`),
  );
  assert.deepEqual(
    given.map((place) => place.replace(/-[0-9a-f]{8}\//, '-#/')),
    [
      'files/old-#/x.txt',
      'files/Plan/x.txt',
      'files/plan-#/x.txt',
      'files/caf\u00e9/x.txt',
      'files/cafe\u0301-#/x.txt',
      'files/plan-#/x.txt',
    ],
  );
  assert.equal(new Set(given.map((place) => place.toLowerCase())).size, 6);
  assert.equal(places.isNew(fileRef('x', { key: 'k0' })), false);
});
