import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { OnyxApi } from '../../src/connections/onyx-api.ts';
import { onyxUploadRecord } from '../../src/connections/onyx-upload-record.ts';
import { uploadFiles, type UploadableFile, type UploadOptions } from '../../src/connections/onyx-uploads.ts';
import { EtlError } from '../../src/errors.ts';
import { onyxServer, type Fault, type OnyxServerOptions } from '../helpers/onyx-server.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

const { signal } = new AbortController();
const uploadPath = '/user/projects/file/upload';

function fileOf(text: string, name = 'note.txt', type = 'text/plain'): UploadableFile {
  const content = Buffer.from(text);
  return { sha256: createHash('sha256').update(content).digest('hex'), name, type, content };
}

async function withServer(t: TestContext, options: OnyxServerOptions = {}) {
  const server = await onyxServer(t, options);
  const retry = { attempts: 3, sleep: async () => undefined };
  const api = await OnyxApi.open({ apiBase: server.url, apiKey: server.key, retry });
  t.after(() => api.close());
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  const upload = (files: Iterable<UploadableFile>, more: Partial<UploadOptions> = {}) =>
    uploadFiles(api, files, { signal, sleep, ...more });
  const uploads = (): number => server.requests.filter((request) => request.endsWith(uploadPath)).length;
  return { server, api, upload, uploads, pauses };
}

test('uploads bytes and files as they are, each content once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'etl-uploads-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'big.bin');
  const big = Buffer.alloc(3_000_000, 'grüße ');
  await writeFile(path, big);
  const sha256 = createHash('sha256').update(big).digest('hex');
  const { server, upload, uploads } = await withServer(t);
  const odd = fileOf('odd', 'a "quoted"\r\nname; ü 日本.png', 'image/png');
  const results = await upload([
    fileOf('one'),
    fileOf('one', 'same content, another name.txt'),
    odd,
    fileOf('', 'empty.txt'),
    { sha256, name: 'big.bin', type: 'not a type', content: { path } },
  ]);
  assert.equal(uploads(), 4);
  assert.equal(results.size, 4);
  for (const file of server.files) {
    const result = results.get(file.sha256);
    assert.ok(result !== undefined && 'fileId' in result, file.name);
    assert.deepEqual([result.fileId, result.userFileId, result.isReady], [file.file_id, file.id, true]);
  }
  const served = server.files.find(({ sha256 }) => sha256 === odd.sha256);
  assert.equal(served?.type, 'image/png');
  assert.match(served.name, /quoted.*name; ü 日本\.png$/s);
  const image = results.get(odd.sha256);
  assert.ok(image !== undefined && 'type' in image && image.type === 'image');
});

test('waits until Onyx has read a file, with pauses that double, and not for ever', async (t) => {
  const { upload, pauses } = await withServer(t, {
    statusAfter: (asked, name) => (name === 'slow.txt' || asked < 3 ? 'INDEXING' : 'SKIPPED'),
  });
  const [ready] = (await upload([fileOf('one')])).values();
  assert.ok(ready !== undefined && 'isReady' in ready && ready.isReady);
  assert.deepEqual(pauses, [250, 500, 1000, 2000]);
  const [slow] = (await upload([fileOf('slow', 'slow.txt')], { waitMs: 1000 })).values();
  assert.ok(slow !== undefined && 'isReady' in slow && !slow.isReady);
});

test('what Onyx does not take is refused with its words, and the others arrive', async (t) => {
  const faults: Record<string, readonly Fault[]> = {
    'HTTP 413': [{ status: 413, headers: { 'content-type': 'text/html' }, body: '<html>too large</html>' }],
    'HTTP 415: no such kind': [{ status: 415, body: '{"detail":"no such kind"}' }],
    'HTTP 500: Failed to upload files': Array<Fault>(3).fill({
      status: 500,
      body: '{"detail":"Failed to upload files"}',
    }),
  };
  for (const [words, fault] of Object.entries(faults)) {
    await t.test(words, async (t) => {
      const { server, upload } = await withServer(t);
      server.fail(uploadPath, ...fault);
      const results = await upload([fileOf('bad'), fileOf('good')], { concurrency: 1 });
      const refused = results.get(fileOf('bad').sha256);
      assert.ok(refused !== undefined && 'refused' in refused && refused.refused.startsWith(`Onyx: ${words}`), words);
      assert.deepEqual(
        server.files.map(({ sha256 }) => sha256),
        [fileOf('good').sha256],
      );
    });
  }
  for (const isOlder of [false, true]) {
    const rejects = (name: string): string | undefined => (name.endsWith('.exe') ? 'Unsupported file type' : undefined);
    const { upload } = await withServer(t, { isOlder, rejects });
    const results = [...(await upload([fileOf('x', 'x.exe'), fileOf('y')])).values()];
    assert.deepEqual(results[0], { refused: isOlder ? 'Onyx: unsupported' : 'Onyx: Unsupported file type' });
    assert.ok(results[1] !== undefined && 'fileId' in results[1]);
  }
  const { upload } = await withServer(t, { statusAfter: () => 'FAILED' });
  assert.deepEqual([...(await upload([fileOf('x')])).values()], [{ refused: 'Onyx: could not read it (FAILED)' }]);
});

test('uploads again what was broken off, and stops when nothing gets through', async (t) => {
  for (const fault of ['reset', { status: 429 }, { status: 502 }] satisfies Fault[]) {
    const { server, upload } = await withServer(t);
    server.fail(uploadPath, fault, fault);
    const [result] = (await upload([fileOf('one')])).values();
    assert.ok(result !== undefined && 'fileId' in result);
    server.fail(uploadPath, fault, fault, fault);
    await assert.rejects(upload([fileOf('two')]), EtlError);
  }
});

test('what an earlier run uploaded is found by its content, and uploaded anew when it is gone', async (t) => {
  const url = await (await postgresForTests()).database();
  const record = await onyxUploadRecord(url, 'public');
  const { server, upload, uploads } = await withServer(t);
  const first = await upload([fileOf('one'), fileOf('two')], { record });
  assert.equal(uploads(), 2);
  await record.close();

  const again = await onyxUploadRecord(url, 'public');
  t.after(() => again.close());
  assert.deepEqual(
    await upload([fileOf('two', 'another.txt'), fileOf('one')], { record: again }),
    new Map([...first].reverse()),
  );
  assert.equal(uploads(), 2);
  for (const file of server.files) if (file.sha256 === fileOf('one').sha256) file.status = 'DELETING';
  const after = await upload([fileOf('one'), fileOf('two')], { record: again });
  assert.equal(uploads(), 3);
  assert.notDeepEqual(after.get(fileOf('one').sha256), first.get(fileOf('one').sha256));
  assert.deepEqual(after.get(fileOf('two').sha256), first.get(fileOf('two').sha256));
  assert.equal((await query(url, 'select 1 from etl.onyx_file')).length, 2);

  const tenant = await onyxUploadRecord(url, 'tenant_1');
  t.after(() => tenant.close());
  assert.equal((await tenant.find([fileOf('one').sha256])).size, 0);
});

test('a database that ends the record’s connection is an error of the connection', async (t) => {
  const postgres = await postgresForTests();
  const url = await postgres.database();
  const record = await onyxUploadRecord(url, 'public');
  t.after(() => record.close());
  await postgres.terminate(url);
  await assert.rejects(record.find(['00']), (error: EtlError) => error.code === 'ETL_CONNECT_FAILED');
});
