import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';

import * as undici from 'undici';

import { oneBufferConnector } from '../../src/connections/one-buffer-socket.ts';

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

function poolTo(t: TestContext, url: string, connections = 4): undici.Pool {
  const pool = new undici.Pool(url, { connections, connect: oneBufferConnector(undici, 5000) });
  t.after(() => pool.destroy());
  return pool;
}

/** The body of an answer, copied piece by piece as it comes. `holds`: whether to make the server wait after this piece. */
function get(pool: undici.Pool, path: string, holds: (piece: number) => boolean = () => false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    pool.dispatch(
      { method: 'GET', path },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData(controller, piece) {
          pieces.push(Buffer.from(piece));
          if (!holds(pieces.length)) return;
          controller.pause();
          setImmediate(() => controller.resume());
        },
        onResponseEnd: () => resolve(Buffer.concat(pieces)),
        onResponseError: (_, error) => reject(error),
      },
    );
  });
}

/** Bytes that tell where they stand. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

const answers: RequestListener = (request, response) => {
  const [, form, length] = (request.url ?? '').split('/');
  const bytes = bytesOf(Number(length));
  if (form === 'whole') {
    response.end(bytes);
    return;
  }
  // In pieces that fit nothing, without saying how many bytes are to come.
  for (let at = 0; at < bytes.length; at += 10_007) response.write(bytes.subarray(at, at + 10_007));
  response.end();
};

test('gives every byte of an answer, whole or in pieces, however often the reader makes it wait', async (t) => {
  const pool = poolTo(t, await listening(t, createServer(answers)));
  for (const length of [0, 1, 65_535, 65_536, 65_537, 1_000_003, 8_000_001]) {
    for (const form of ['whole', 'pieces']) {
      for (const holds of [() => false, (piece: number) => piece % 3 === 1, () => true]) {
        const bytes = await get(pool, `/${form}/${length}`, holds);
        assert.ok(bytes.equals(bytesOf(length)), `${form} ${length}: ${bytes.length}`);
      }
    }
  }
});

test('answers that come at the same time do not write over each other', async (t) => {
  const pool = poolTo(t, await listening(t, createServer(answers)), 8);
  const lengths = Array.from({ length: 400 }, (_, i) => (i * 7919) % 200_000);
  const got = await Promise.all(
    lengths.map((length, i) => get(pool, `/${i % 2 === 0 ? 'whole' : 'pieces'}/${length}`, (piece) => piece % 5 === 0)),
  );
  for (const [i, length] of lengths.entries()) assert.ok(got[i]?.equals(bytesOf(length)), `${length}`);
});

test('tells of a connection that is refused, broken off, or spoken on before anything was asked', async (t) => {
  const free = createTcpServer();
  const url = await listening(t, free);
  free.close();
  await once(free, 'close');
  await assert.rejects(get(poolTo(t, url), '/whole/1'), (error: NodeJS.ErrnoException | AggregateError) => {
    const [first = error] = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
    return (first as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  });

  const broken = createServer((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.socket?.destroy());
  });
  await assert.rejects(get(poolTo(t, await listening(t, broken)), '/'), { code: 'UND_ERR_SOCKET' });

  const talkative = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
  const early = poolTo(t, await listening(t, talkative), 1);
  const said = await get(early, '/').then(
    (bytes) => bytes.length,
    (error: NodeJS.ErrnoException) => error.code,
  );
  assert.ok(said === 0 || said === 'UND_ERR_SOCKET', String(said));
});
