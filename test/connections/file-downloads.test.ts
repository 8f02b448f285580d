import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { FileDownloads, type DownloadOptions } from '../../src/connections/file-downloads.ts';

const content = Buffer.from('what was uploaded '.repeat(10_000));
const whole = { sha256: hash('sha256', content), bytes: content.length };
const never = new AbortController().signal;

/** A server that answers so; its address, and how often it was asked for each path. */
async function serving(t: TestContext, answer: RequestListener): Promise<{ url: string; asked: Map<string, number> }> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function downloads(t: TestContext, more: Partial<DownloadOptions> = {}): FileDownloads {
  const made = new FileDownloads({
    hosts: 'all',
    privateAddresses: true,
    maxBytes: 10_000_000,
    concurrency: 2,
    timeoutMs: 5000,
    attempts: 3,
    sleep: async () => undefined,
    ...more,
  });
  t.after(() => made.close());
  return made;
}

test('fetches a file, hashes it, and writes what it hashed', async (t) => {
  const { url } = await serving(t, (_, response) => response.end(content));
  const directory = await mkdtemp(join(tmpdir(), 'etl-download-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'copy');
  const copy = await open(path, 'w');
  // What an attempt before has left.
  await copy.writeFile(Buffer.alloc(content.length * 2));
  assert.deepEqual(await downloads(t).fetch(`${url}/file?signature=1`, copy, never), whole);
  await copy.close();
  assert.deepEqual(await readFile(path), content);
});

test('says why a file cannot be had', async (t) => {
  const { url } = await serving(t, (request, response) => {
    const [, status = '200'] = /^\/(\d+)/.exec(request.url ?? '') ?? [];
    response.writeHead(Number(status)).end('no');
  });
  const ended = 'X-Amz-Date=20200101T000000Z&X-Amz-Expires=60';
  const cases: readonly (readonly [string, string])[] = [
    ['/403', 'forbidden'],
    ['/401', 'forbidden'],
    [`/403?${ended}`, 'linkExpired'],
    ['/403?X-Amz-Date=99990101T000000Z&X-Amz-Expires=60', 'forbidden'],
    ['/400?Expires=1', 'linkExpired'],
    ['/404', 'missing'],
    [`/404?${ended}`, 'missing'],
    ['/410', 'missing'],
    ['/418', 'downloadFailed: HTTP 418'],
    ['/503', 'downloadFailed: HTTP 503'],
    ['/206', 'downloadFailed: HTTP 206'],
    ['/302', 'downloadFailed: HTTP 302'],
  ];
  for (const [path, problem] of cases)
    assert.deepEqual(await downloads(t).fetch(url + path, undefined, never), { problem }, path);
  assert.deepEqual(await downloads(t).fetch('no link', undefined, never), { problem: 'linkInvalid' });
});

test('tries again what may pass, as long as the server asks for, and no longer than it may', async (t) => {
  const { url, asked } = await serving(t, (request, response) => {
    const times = asked.get(request.url ?? '') ?? 0;
    if (request.url === '/twice' && times === 1) response.writeHead(429, { 'retry-after': '7' }).end();
    else if (request.url === '/twice' && times === 2) cutShort(request, response);
    else if (request.url === '/twice') response.end(content);
    else response.writeHead(500).end();
  });
  const waits: number[] = [];
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  assert.deepEqual(await downloads(t, { sleep }).fetch(`${url}/twice`, undefined, never), whole);
  assert.equal(waits[0], 7000);
  assert.equal(waits.length, 2);
  assert.deepEqual(await downloads(t).fetch(`${url}/never`, undefined, never), { problem: 'downloadFailed: HTTP 500' });
  assert.equal(asked.get('/never'), 3);
});

function cutShort(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': content.length });
  response.write(content.subarray(0, 1000), () => response.destroy());
}

test('gives up a host that does not answer once with all patience, then asks once for each file', async (t) => {
  const { url, asked } = await serving(t, (request) => request.socket.destroy());
  const fetching = downloads(t);
  const first = await fetching.fetch(`${url}/1`, undefined, never);
  assert.match('problem' in first ? first.problem : '', /^downloadFailed: (UND_ERR_SOCKET|ECONNRESET)$/);
  await fetching.fetch(`${url}/2`, undefined, never);
  assert.deepEqual([asked.get('/1'), asked.get('/2')], [3, 1]);
});

test('leaves files that are too large where they are, whether they say how large they are or not', async (t) => {
  const { url } = await serving(t, (request, response) => {
    if (request.url === '/says') response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 100));
    response.end(content.subarray(100));
  });
  for (const path of ['/says', '/silent']) {
    const maxBytes = content.length - 1;
    const fetched = await downloads(t, { maxBytes }).fetch(url + path, undefined, never);
    assert.deepEqual(fetched, { problem: 'tooLarge' }, path);
    assert.deepEqual(await downloads(t, { maxBytes: maxBytes + 1 }).fetch(url + path, undefined, never), whole);
  }
});

test('waits no longer for an answer, or for more of it, than it may', async (t) => {
  const { url } = await serving(t, (request, response) => {
    if (request.url === '/begins') response.writeHead(200, { 'content-length': 100 }).write('begin');
  });
  for (const [path, code] of [
    ['/silent', 'UND_ERR_HEADERS_TIMEOUT'],
    ['/begins', 'UND_ERR_BODY_TIMEOUT'],
  ] as const) {
    const fetched = await downloads(t, { timeoutMs: 50, attempts: 1 }).fetch(url + path, undefined, never);
    assert.deepEqual(fetched, { problem: `downloadFailed: ${code}` });
  }
});

test('follows redirects within the rules only', async (t) => {
  const { url } = await serving(t, (request, response) => {
    const targets: Record<string, string> = {
      '/a': '/b',
      '/b': '/file',
      '/out': 'http://localhost:1/x',
      '/ring': '/ring',
    };
    const location = targets[request.url ?? ''];
    if (location === undefined) response.end(content);
    else response.writeHead(302, { location }).end('moved');
  });
  assert.deepEqual(await downloads(t).fetch(`${url}/a`, undefined, never), whole);
  assert.deepEqual(await downloads(t).fetch(`${url}/ring`, undefined, never), {
    problem: 'downloadFailed: too many redirects',
  });
  const fetching = downloads(t, { hosts: ['127.0.0.1'] });
  assert.deepEqual(await fetching.fetch(`${url}/out`, undefined, never), { problem: 'hostNotAllowed' });
});

test('never asks an address inside a network unless it is told to, whatever the name says', async (t) => {
  const { url, asked } = await serving(t, (_, response) => response.end(content));
  for (const link of [url, url.replace('127.0.0.1', 'localhost')]) {
    const fetched = await downloads(t, { privateAddresses: false }).fetch(`${link}/x`, undefined, never);
    assert.deepEqual(fetched, { problem: 'privateAddress' }, link);
  }
  assert.equal(asked.size, 0);
});

test('ends at once when it is told to, and when the disk is full', async (t) => {
  const { url } = await serving(t, (request, response) => {
    if (request.url === '/file') response.end(content);
  });
  const stopping = new AbortController();
  const waiting = downloads(t).fetch(`${url}/silent`, undefined, stopping.signal);
  stopping.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  const full = await open('/dev/full', 'w').catch(() => undefined);
  if (full === undefined) {
    t.diagnostic('there is no /dev/full here');
    return;
  }
  await assert.rejects(downloads(t).fetch(`${url}/file`, full, never), { code: 'ENOSPC' });
  await full.close();
});
