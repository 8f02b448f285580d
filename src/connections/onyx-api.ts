import { z } from 'zod';

import { EtlError } from '../errors.ts';
import {
  onyxApiAllUsers,
  onyxApiFile,
  onyxApiPersona,
  onyxApiProject,
  onyxApiUpload,
  onyxApiUser,
  onyxApiUserPage,
  type OnyxApiFile,
  type OnyxApiPersona,
  type OnyxApiProject,
  type OnyxApiUser,
} from '../models/onyx-api.ts';
import { httpFaultOf, isPassing } from './http-fault.ts';
import { HttpJson, type HttpOptions } from './http-json.ts';
import { multipartFile, type FileContent } from './multipart-file.ts';

/** Where an Onyx is, and how to ask it. */
export interface OnyxApiOptions extends Pick<HttpOptions, 'concurrency' | 'timeoutMs' | 'retry' | 'onRetry'> {
  /** `https://onyx.example.org`; with `/api` behind it or without. */
  readonly apiBase: string;
  /** An API key (`on_…`) or a personal token (`onyx_pat_…`). */
  readonly apiKey: string;
}

/** A file to upload. */
export interface OnyxUpload {
  readonly name: string;
  /** Its MIME type. */
  readonly type: string;
  readonly content: FileContent;
}

const pageSize = 1000;
const idsInARequest = 200;

/**
 * Onyx's own interface over HTTP: accounts, files, personas, projects. Chats with their times, roles and branches cannot be
 * brought in by it.
 *
 * Connections are kept alive, at most `concurrency` of them (default 4); what may pass (429, 5xx, no answer, a proxy's page)
 * is tried again with the pauses the server asks for. The key goes to `apiBase` only and appears in no message.
 *
 * @throws {EtlError} from every call: `ETL_AUTH_FAILED` when the key is refused, `ETL_CONNECT_FAILED` when there is no
 *   answer, or none of Onyx's, `ETL_SINK_FAILED` for what Onyx refuses, with its words.
 * @see Onyx at a7d66a8b778c (2026-08)
 */
export class OnyxApi {
  /** For people: without key. */
  readonly address: string;
  readonly #candidates: readonly HttpJson[];
  #found: Promise<HttpJson> | undefined;

  private constructor(candidates: readonly HttpJson[], address: string) {
    this.#candidates = candidates;
    this.address = address;
  }

  /** Whoever opens it closes it. Nothing is asked yet. */
  static async open({ apiBase, apiKey, ...how }: OnyxApiOptions): Promise<OnyxApi> {
    if (!URL.canParse(apiBase) || !/^https?:$/.test(new URL(apiBase).protocol)) {
      throw new EtlError('ETL_CONFIG_INVALID', `expected the address of Onyx, such as https://onyx.example.org`, {
        hint: 'See `apiBase`, --api-base and ONYX_API_BASE.',
      });
    }
    if (!/^[\x21-\x7e]+$/.test(apiKey)) {
      throw new EtlError('ETL_CONFIG_INVALID', 'the API key of Onyx is empty, or has characters that no key has', {
        hint: 'See `apiKey` and ONYX_API_KEY.',
      });
    }
    const { origin, pathname } = new URL(apiBase);
    const base = origin + pathname.replace(/\/+$/, '');
    // Behind Onyx's proxy the API is at /api, at the backend's own port it is at the top.
    const bases = /\/api$/.test(base) ? [base] : [`${base}/api`, base];
    const headers = { authorization: `Bearer ${apiKey}` };
    return new OnyxApi(await Promise.all(bases.map((each) => HttpJson.open({ ...how, base: each, headers }))), base);
  }

  async close(): Promise<void> {
    await Promise.all(this.#candidates.map((candidate) => candidate.close()));
  }

  /** Everybody with an account. */
  async users(signal: AbortSignal): Promise<OnyxApiUser[]> {
    const users = new Map<string, OnyxApiUser>();
    try {
      for (let page = 0; ; page += 1) {
        const query = { page_num: page, page_size: pageSize };
        const { items } = await this.#get('/manage/users/accepted', onyxApiUserPage, signal, query);
        for (const user of items) users.set(user.email, user);
        // Not by the total: accounts come and go while pages are read.
        if (items.length < pageSize) return [...users.values()];
      }
    } catch (error) {
      if (!isNotThere(error)) throw error;
    }
    const all = await this.#get('/manage/users', onyxApiAllUsers, signal, { include_api_keys: false });
    return [...all.accepted, ...all.slack_users];
  }

  /** Signs somebody up. `exists` when there is an account of that address. */
  async createUser(
    { email, password }: { readonly email: string; readonly password: string },
    signal: AbortSignal,
  ): Promise<OnyxApiUser | 'exists'> {
    const http = await this.#http(signal);
    const json = { email, password, is_active: true, is_superuser: false, is_verified: true };
    let tries = 0;
    const onTry = (): number => (tries += 1);
    try {
      const value = await ask(http, '/auth/register', { method: 'POST', json, signal, onTry });
      return parse(onyxApiUser, value, http, '/auth/register');
    } catch (error) {
      if (httpFaultOf(error)?.detail !== 'REGISTER_USER_ALREADY_EXISTS') throw error;
      // After a first try whose answer got lost it is the account just made.
      return tries > 1 ? { email } : 'exists';
    }
  }

  /** Uploads one file; it belongs to whom the key belongs to. Onyx's words when it does not take it. */
  async uploadFile(file: OnyxUpload, signal: AbortSignal): Promise<OnyxApiFile | { readonly refused: string }> {
    const http = await this.#http(signal);
    const path = '/user/projects/file/upload';
    try {
      const body = await multipartFile('files', file);
      const value = await ask(http, path, { method: 'POST', body, signal });
      const answer = parse(onyxApiUpload, value, http, path);
      const [taken] = answer.user_files;
      if (taken !== undefined) return taken;
      const reason =
        answer.rejected_files[0]?.reason ?? (answer.unsupported_files.length > 0 ? 'unsupported' : 'not accepted');
      return { refused: `Onyx: ${reason}` };
    } catch (error) {
      const refused = refusal(error);
      if (refused === undefined) throw error;
      return { refused };
    }
  }

  /** How far Onyx is with these uploads. Those that are gone, or belong to somebody else, are left out. */
  async fileStatuses(userFileIds: readonly string[], signal: AbortSignal): Promise<OnyxApiFile[]> {
    const http = await this.#http(signal);
    const path = '/user/projects/file/statuses';
    const found: OnyxApiFile[] = [];
    for (let from = 0; from < userFileIds.length; from += idsInARequest) {
      const json = { file_ids: userFileIds.slice(from, from + idsInARequest) };
      const value = await ask(http, path, { method: 'POST', json, signal });
      found.push(...parse(z.array(onyxApiFile), value, http, path));
    }
    return found;
  }

  async personas(signal: AbortSignal): Promise<OnyxApiPersona[]> {
    return this.#get('/persona', z.array(onyxApiPersona), signal);
  }

  /** The projects of whom the key belongs to. */
  async projects(signal: AbortSignal): Promise<OnyxApiProject[]> {
    return this.#get('/user/projects', z.array(onyxApiProject), signal);
  }

  async createProject(name: string, signal: AbortSignal): Promise<OnyxApiProject> {
    const http = await this.#http(signal);
    const path = '/user/projects/create';
    const value = await ask(http, path, { method: 'POST', query: { name }, signal });
    return parse(onyxApiProject, value, http, path);
  }

  async #get<T>(
    path: string,
    shape: z.ZodType<T>,
    signal: AbortSignal,
    query: Readonly<Record<string, string | number | boolean>> = {},
  ): Promise<T> {
    const http = await this.#http(signal);
    const value = await ask(http, path, { query, signal });
    return parse(shape, value, http, path);
  }

  #http(signal: AbortSignal): Promise<HttpJson> {
    this.#found ??= this.#find(signal).catch((error: unknown) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  async #find(signal: AbortSignal): Promise<HttpJson> {
    let first: unknown;
    for (const candidate of this.#candidates) {
      try {
        await ask(candidate, '/health', { signal });
        return candidate;
      } catch (error) {
        signal.throwIfAborted();
        first ??= error;
        // No answer at all here is none there, either.
        if (httpFaultOf(error) === undefined) throw error;
      }
    }
    throw first;
  }
}

async function ask(http: HttpJson, ...asked: Parameters<HttpJson['ask']>): Promise<unknown> {
  try {
    return await http.ask(...asked);
  } catch (error) {
    if (!(error instanceof EtlError) || error.code !== 'ETL_AUTH_FAILED') throw error;
    const { code, message, where, cause } = error;
    throw new EtlError(code, message, { where, cause, hint: keyHint });
  }
}

const keyHint =
  'ONYX_API_KEY (`apiKey`) is not the key of an administrator of this Onyx: make one under Admin, API Keys, with the role ' +
  'Admin, and check that ONYX_API_BASE (--api-base) is the Onyx it belongs to.';

function parse<T>(shape: z.ZodType<T>, value: unknown, { address }: HttpJson, path: string): T {
  const { success, data, error } = shape.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new EtlError(
    'ETL_CONNECT_FAILED',
    `${address}${path} does not answer as Onyx does: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'another shape'}`,
    { hint: 'Check the address; it may be another service, or a release of Onyx that is not known here.' },
  );
}

function isNotThere(error: unknown): boolean {
  const fault = httpFaultOf(error);
  // 422: an older release takes "accepted" for something else.
  return fault !== undefined && (fault.status === 404 || fault.status === 405 || fault.status === 422);
}

/** Why a file was not taken, when it is about the file: too large, of the wrong kind, or one that Onyx itself fails at. */
function refusal(error: unknown): string | undefined {
  const fault = httpFaultOf(error);
  if (fault === undefined) return undefined;
  const { status, isJson, detail } = fault;
  const isAboutFile = status === 413 || (isJson && [400, 415, 422, 500].includes(status));
  if (!isAboutFile || (isPassing(error) && status !== 500)) return undefined;
  return `Onyx: HTTP ${status}${detail === '' ? '' : `: ${detail}`}`;
}
