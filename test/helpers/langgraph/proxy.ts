import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a proxy is asked, with the body as it came. */
export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly text: string;
}

/** An answer in the place of the server's. */
export interface ProxyAnswer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

export interface Proxy {
  readonly url: string;
  /** Answers instead of the server; nothing lets a request through. May be changed while it runs. */
  answer: (request: ProxiedRequest) => ProxyAnswer | undefined;
  /** The server does what it is asked, and its answer is lost with the connection. May be changed while it runs. */
  loses: (request: ProxiedRequest) => boolean;
  close(): Promise<void>;
}

/** An HTTP proxy before a server, which answers some requests itself. */
export async function startProxy(target: string, answer: Proxy['answer'] = () => undefined): Promise<Proxy> {
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const asked = { method, path, text: body.toString('utf8') };
    const own = proxy.answer(asked);
    if (own !== undefined) {
      response.writeHead(own.status, { 'content-type': own.type ?? 'text/html' }).end(own.text);
      return;
    }
    await new Promise<void>((done, failed) => {
      const onwards = forward(new URL(path, target), { method, headers }, (answered) => {
        if (proxy.loses(asked)) {
          answered.resume().once('end', () => {
            response.destroy();
            done();
          });
          return;
        }
        response.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(response).once('finish', done).once('error', failed);
      });
      onwards.once('error', failed);
      // Whoever gave up its request does not wait for the server's answer.
      response.once('close', () => onwards.destroy());
      onwards.end(body);
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}`,
    answer,
    loses: () => false,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
