import { randomUUID, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

import { query } from './postgres.ts';

/** What goes wrong with a request, instead of its answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The connection ends before, or in the middle of, the answer. */
  | 'reset'
  | 'cut'
  /** No answer ever comes. */
  | 'hang'
  /** The request is done, and its answer gets lost. */
  | 'lost';

/** A file as the server keeps it. */
export interface ServedFile {
  readonly id: string;
  readonly file_id: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  status: string;
}

export interface OnyxServerOptions {
  /** `/api`, as behind Onyx's proxy, or nothing, as at the backend's own port. */
  readonly prefix?: string;
  /** A database whose rows are the accounts and the files, see `onyxServerDatabase`; else they are in memory. */
  readonly database?: string;
  readonly emails?: readonly string[];
  /** Whether accounts come in pages, as in newer releases. */
  readonly hasPages?: boolean;
  /** Files Onyx does not take, by name. */
  readonly rejects?: (name: string) => string | undefined;
  /** What a file's status is, by how often was asked for it before. */
  readonly statusAfter?: (asked: number, name: string) => string;
  /** Whether the answer to an upload is of a release before 2.6. */
  readonly isOlder?: boolean;
}

export interface OnyxServer {
  readonly url: string;
  readonly key: string;
  /** Every request: `GET /api/persona`. */
  readonly requests: readonly string[];
  readonly files: readonly ServedFile[];
  /** Passwords by address, of those who signed up here. */
  readonly passwords: ReadonlyMap<string, string>;
  /** What goes wrong with the next requests to this path, in order. */
  fail(path: string, ...faults: readonly Fault[]): void;
  /** Connections that were made. */
  connections(): number;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly type: string;
}

/** An answer: status and value. */
type Answered = readonly [number, unknown];

/**
 * An HTTP server that keeps Onyx's contract, as far as this project uses it: accounts, uploads and their statuses, personas,
 * projects; with the same refusals. Ends with the test.
 */
export async function onyxServer(t: TestContext, options: OnyxServerOptions = {}): Promise<OnyxServer> {
  const { prefix = '/api' } = options;
  const key = `on_${randomUUID()}`;
  const requests: string[] = [];
  const faults = new Map<string, Fault[]>();
  const onyx = new Onyx(options);
  let connections = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on('connection', () => (connections += 1));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method ?? ''} ${pathname}`);
    const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : undefined;
    const fault = faults.get(path ?? '')?.shift();
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (fault === 'hang') return;
    if (fault === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"id": ');
      setImmediate(() => request.socket.destroy());
      return;
    }
    if (fault !== undefined && fault !== 'lost') {
      const headers = { 'content-type': 'application/json', ...fault.headers };
      response.writeHead(fault.status, headers).end(fault.body ?? '{"detail":"a fault"}');
      return;
    }
    if (path === undefined) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<!DOCTYPE html><title>404: not found</title>');
      return;
    }
    const isPublic = path === '/health' || path === '/auth/register';
    const [status, value] =
      !isPublic && request.headers.authorization !== `Bearer ${key}`
        ? [403, { detail: 'Access denied. User is not authenticated.' }]
        : await onyx.answer({
            method: request.method ?? '',
            path,
            query: searchParams,
            body: Buffer.concat(pieces),
            type: request.headers['content-type'] ?? '',
          });
    if (fault === 'lost') request.socket.destroy();
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    key,
    requests,
    files: onyx.files,
    passwords: onyx.passwords,
    fail: (path, ...more) => faults.set(path, [...(faults.get(path) ?? []), ...more]),
    connections: () => connections,
  };
}

class Onyx {
  readonly files: ServedFile[] = [];
  readonly passwords = new Map<string, string>();
  readonly #options: OnyxServerOptions;
  readonly #emails: Set<string>;
  readonly #projects: { readonly id: number; readonly name: string }[] = [];
  readonly #asked = new Map<string, number>();

  constructor(options: OnyxServerOptions) {
    this.#options = options;
    this.#emails = new Set(options.emails ?? []);
  }

  async answer(request: Request): Promise<Answered> {
    const { hasPages = true } = this.#options;
    switch (`${request.method} ${request.path}`) {
      case 'GET /health':
        return [200, { success: true, message: 'ok', data: null }];
      case 'GET /manage/users/accepted':
        return hasPages ? this.#page(request.query) : [404, { detail: 'Not Found' }];
      case 'GET /manage/users': {
        const accepted = (await this.#accounts()).map((email) => ({ id: randomUUID(), email, role: 'basic' }));
        return [200, { accepted, invited: [], slack_users: [], accepted_pages: 1, invited_pages: 0 }];
      }
      case 'POST /auth/register':
        return this.#register(JSON.parse(request.body.toString()) as { email: string; password: string });
      case 'POST /user/projects/file/upload':
        return this.#upload(request);
      case 'POST /user/projects/file/statuses':
        return this.#statuses(JSON.parse(request.body.toString()) as { file_ids: string[] });
      case 'GET /persona':
        return [200, [{ id: 0, name: 'Assistant', description: 'built-in' }]];
      case 'GET /user/projects':
        return [200, this.#projects];
      case 'POST /user/projects/create': {
        const name = request.query.get('name') ?? '';
        if (name === '') return [400, { detail: 'Project name cannot be empty' }];
        this.#projects.push({ id: this.#projects.length + 1, name });
        return [200, this.#projects.at(-1)];
      }
      default:
        return [404, { detail: 'Not Found' }];
    }
  }

  async #accounts(): Promise<string[]> {
    const { database } = this.#options;
    if (database === undefined) return [...this.#emails];
    return (await query(database, 'select email from "user" order by email')).map(({ email }) => String(email));
  }

  async #page(search: URLSearchParams): Promise<Answered> {
    const [page, size] = [Number(search.get('page_num') ?? 0), Number(search.get('page_size') ?? 10)];
    if (size > 1000) return [422, { detail: [{ msg: 'Input should be less than or equal to 1000' }] }];
    const all = await this.#accounts();
    const items = all
      .slice(page * size, (page + 1) * size)
      .map((email) => ({ id: randomUUID(), email, role: 'basic' }));
    return [200, { items, total_items: all.length }];
  }

  async #register({ email, password }: { readonly email: string; readonly password: string }): Promise<Answered> {
    const { database } = this.#options;
    if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) {
      return [422, { detail: [{ loc: ['body', 'email'], msg: 'value is not a valid email address' }] }];
    }
    if (password.length < 8 || password.length > 64) {
      const reason = 'Password must be 8 to 64 characters long.';
      return [400, { detail: { code: 'REGISTER_INVALID_PASSWORD', reason } }];
    }
    const address = email.toLowerCase();
    if ((await this.#accounts()).some((known) => known.toLowerCase() === address))
      return [400, { detail: 'REGISTER_USER_ALREADY_EXISTS' }];
    const id = randomUUID();
    if (database === undefined) this.#emails.add(address);
    else {
      const sql = `insert into "user" (id, email, hashed_password, is_active, is_superuser, is_verified)
        values ($1, $2, 'hash', true, false, false)`;
      await query(database, sql, [id, address]);
    }
    this.passwords.set(address, password);
    return [201, { id, email: address, is_active: true, is_superuser: false, is_verified: false, role: 'basic' }];
  }

  async #upload({ body, type }: Request): Promise<Answered> {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
    const taken: ServedFile[] = [];
    const rejected: { file_name: string; reason: string }[] = [];
    for (const entry of form.getAll('files')) {
      if (typeof entry === 'string') return [422, { detail: 'Expected UploadFile' }];
      const reason = this.#options.rejects?.(entry.name);
      if (reason !== undefined) {
        rejected.push({ file_name: entry.name, reason });
        continue;
      }
      const bytes = Buffer.from(await entry.arrayBuffer());
      taken.push({
        id: randomUUID(),
        file_id: randomUUID(),
        name: entry.name,
        type: entry.type,
        bytes,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        status: 'PROCESSING',
      });
    }
    this.files.push(...taken);
    await this.#keep(taken);
    const user_files = taken.map(snapshot);
    if (this.#options.isOlder === true)
      return [
        200,
        { user_files, non_accepted_files: [], unsupported_files: rejected.map(({ file_name: name }) => name) },
      ];
    return [200, { user_files, rejected_files: rejected }];
  }

  /** With a database, as rows that chats can point to. */
  async #keep(files: readonly ServedFile[]): Promise<void> {
    const { database } = this.#options;
    if (database === undefined) return;
    for (const { id, file_id, name, type, bytes } of files) {
      const record = `insert into file_record (file_id, display_name, file_origin, file_type, file_size)
        values ($1, $2, 'USER_FILE', $3, $4)`;
      await query(database, record, [file_id, name, type, bytes.length]);
      const file = `insert into user_file (id, file_id, name, file_type, content_type, token_count, status, created_at)
        values ($1, $2, $3, $4, $4, 1, 'PROCESSING', now() at time zone 'utc')`;
      await query(database, file, [id, file_id, name, type]);
    }
  }

  #statuses({ file_ids: ids }: { readonly file_ids: readonly string[] }): Answered {
    const { statusAfter = () => 'COMPLETED' } = this.#options;
    const found = this.files.filter(({ id, status }) => ids.includes(id) && status !== 'DELETING');
    for (const file of found) {
      const asked = this.#asked.get(file.id) ?? 0;
      this.#asked.set(file.id, asked + 1);
      file.status = statusAfter(asked, file.name);
    }
    return [200, found.map(snapshot)];
  }
}

function snapshot({ id, file_id, name, type, status }: ServedFile): object {
  const kind = /^image\/(png|jpeg|webp)$/.test(type) ? 'image' : type === 'application/pdf' ? 'document' : 'plain_text';
  return { id, file_id, name, status, file_type: type, chat_file_type: kind, token_count: 1, chunk_count: null };
}
