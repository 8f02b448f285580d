import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { BSON, type Document } from 'mongodb';

import { commands, State } from './commands.ts';
import { FaultPlan, serverError, type Fault } from './faults.ts';
import { parseRequest, replyHead, takeMessages, type Request } from './messages.ts';
import { CommandError } from './store.ts';

/** Answers a command in the place of the server's own handler; nothing leaves it to that. */
export type Override = (request: Request) => Uint8Array | undefined;

export interface WireServerOptions {
  readonly port?: number;
  /** Says that it keeps sessions, as servers do. Default true. */
  readonly sessions?: boolean;
  readonly override?: Override;
}

/** A server of the tests' own that speaks enough of MongoDB's protocol for the driver, and fails when it is told to. */
export interface WireServer {
  readonly port: number;
  readonly uri: string;
  /** Every command that came in, by name, but for greetings. */
  readonly log: readonly Request[];
  /** Connections open right now. */
  connections(): number;
  /** Cursors left open. */
  cursors(): number;
  /** Stores documents: values, or BSON bytes as they are to be kept. */
  insert(ns: string, documents: Iterable<Document | Buffer>): void;
  /** Stores bytes that need not be BSON, found by queries as if they were `view`. */
  insertAs(ns: string, view: Document, bytes: Buffer): void;
  remove(ns: string, filter: Document): void;
  drop(ns: string): void;
  fault(fault: Fault, when?: { readonly command?: string; readonly at?: number; readonly times?: number }): void;
  clearFaults(): void;
  /** Stops listening and drops every connection; `start` brings it back on the same port with the same data. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const greetings = new Set(['hello', 'ismaster', 'isMaster', 'endSessions']);

export async function startWireServer({
  port = 0,
  sessions = true,
  override,
}: WireServerOptions = {}): Promise<WireServer> {
  const state = new State(sessions);
  const faults = new FaultPlan();
  const log: Request[] = [];
  const sockets = new Set<Socket>();
  let server = createServer();
  let listening = port;

  const serve = async (socket: Socket, message: Buffer): Promise<void> => {
    const request = parseRequest(message);
    if (!greetings.has(request.name)) log.push(request);
    const fault = faults.take(request.name);
    if (typeof fault === 'function') await fault();
    const document = serverError(fault) === undefined ? answer(request, state, override) : failure(serverError(fault));
    const head = replyHead(request, document);
    if (!sockets.has(socket)) return;
    if (fault === 'stall') return;
    if (fault === 'close') socket.end();
    else if (fault === 'reset') socket.resetAndDestroy();
    else if (fault === 'cut') {
      const bytes = Buffer.concat([head, document]);
      socket.end(bytes.subarray(0, Math.ceil(bytes.length / 2)));
    } else {
      if (fault === 'wrong-length') head.writeInt32LE(-5, 0);
      if (fault === 'short-length') head.writeInt32LE(7, 0);
      // Not copied once more into one buffer: what is measured against this server is the client.
      socket.cork();
      socket.write(head);
      socket.write(document);
      socket.uncork();
    }
  };

  const connected = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    let arrived: Buffer = Buffer.alloc(0);
    let serving: Promise<void> = Promise.resolve();
    socket.on('data', (data: Buffer) => {
      arrived = takeMessages(arrived.length === 0 ? data : Buffer.concat([arrived, data]), (message) => {
        serving = serving
          .then(() => serve(socket, message))
          .catch((error: unknown) => void socket.destroy(error as Error));
      });
    });
    // A client that goes away in the middle is what half of the tests are about.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };

  const start = async (): Promise<void> => {
    server = createServer(connected);
    server.listen(listening, '127.0.0.1');
    await once(server, 'listening');
    listening = (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  await start();

  return {
    port: listening,
    uri: `mongodb://127.0.0.1:${listening}/`,
    log,
    connections: () => sockets.size,
    cursors: () => state.cursors.size,
    insert(ns, documents) {
      const collection = state.collection(ns);
      for (const each of documents)
        collection.insert(Buffer.isBuffer(each) ? each : Buffer.from(BSON.serialize(each, { ignoreUndefined: true })));
    },
    insertAs: (ns, view, bytes) => state.collection(ns).insert(bytes, view),
    remove: (ns, filter) => void state.collection(ns).remove(filter, 0),
    drop: (ns) => void state.collections.delete(ns),
    fault: (fault, when) => faults.add(fault, when),
    clearFaults: () => faults.clear(),
    stop,
    start,
    close: stop,
  };
}

function answer(request: Request, state: State, override: Override | undefined): Uint8Array {
  const known = override?.(request);
  if (known !== undefined) return known;
  const command = commands[request.name.toLowerCase()];
  try {
    if (command === undefined) throw new CommandError(59, 'CommandNotFound', `no such command: '${request.name}'`);
    const result = command(request, state);
    return result instanceof Uint8Array ? result : BSON.serialize({ ...result, ok: 1 });
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Uint8Array {
  if (!(error instanceof CommandError)) throw error;
  return BSON.serialize({ ok: 0, code: error.code, codeName: error.codeName, errmsg: error.message });
}
