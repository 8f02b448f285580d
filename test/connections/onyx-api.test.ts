import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { OnyxApi, type OnyxApiOptions } from '../../src/connections/onyx-api.ts';
import { EtlError, type ErrorCode } from '../../src/errors.ts';
import { onyxServer, type Fault, type OnyxServer, type OnyxServerOptions } from '../helpers/onyx-server.ts';

const { signal } = new AbortController();

async function opened(
  t: TestContext,
  server: Pick<OnyxServer, 'url' | 'key'>,
  more: Partial<OnyxApiOptions> = {},
): Promise<{ api: OnyxApi; retries: string[]; pauses: number[] }> {
  const retries: string[] = [];
  const pauses: number[] = [];
  const api = await OnyxApi.open({
    apiBase: server.url,
    apiKey: server.key,
    onRetry: (message) => retries.push(message),
    retry: { attempts: 3, sleep: async (ms) => void pauses.push(ms), random: () => 0 },
    ...more,
  });
  t.after(() => api.close());
  return { api, retries, pauses };
}

async function withServer(t: TestContext, options: OnyxServerOptions = {}, more: Partial<OnyxApiOptions> = {}) {
  const server = await onyxServer(t, options);
  return { server, ...(await opened(t, server, more)) };
}

const failsWith =
  (code: ErrorCode, ...texts: readonly RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof EtlError, String(error));
    assert.equal(error.code, code, error.describe());
    for (const text of texts) assert.match(error.describe(), text);
    return true;
  };

test('finds the API at /api or at the top, and asks for it once', async (t) => {
  for (const prefix of ['/api', '']) {
    await t.test(`prefix "${prefix}"`, async (t) => {
      const { server, api } = await withServer(t, { prefix });
      assert.deepEqual(await api.personas(signal), [{ id: 0, name: 'Assistant' }]);
      await api.personas(signal);
      assert.equal(server.requests.filter((request) => request.endsWith('/health')).length, prefix === '' ? 2 : 1);
      assert.equal(server.requests.filter((request) => request === `GET ${prefix}/persona`).length, 2);
    });
  }
  const { server } = await withServer(t);
  const { api } = await opened(t, { ...server, url: `${server.url}/api/` });
  assert.equal((await api.personas(signal)).length, 1);
});

test('lists accounts of all pages, and of releases without pages', async (t) => {
  const emails = Array.from({ length: 2345 }, (_, number) => `user${number}@example.org`);
  for (const hasPages of [true, false]) {
    const { api } = await withServer(t, { emails, hasPages });
    assert.deepEqual((await api.users(signal)).map(({ email }) => email).sort(), [...emails].sort());
  }
});

test('signs people up, and says who is there already', async (t) => {
  const { server, api } = await withServer(t, { emails: ['ana@example.org'] });
  const made = await api.createUser({ email: 'Ben@example.org', password: 'a password' }, signal);
  assert.ok(made !== 'exists' && made.email === 'ben@example.org');
  assert.equal(await api.createUser({ email: 'ANA@example.org', password: 'a password' }, signal), 'exists');
  assert.equal(server.passwords.get('ben@example.org'), 'a password');
  await assert.rejects(
    api.createUser({ email: 'cleo@example.org', password: 'short' }, signal),
    failsWith('ETL_SINK_FAILED', /HTTP 400/, /8 to 64 characters/),
  );
});

test('a lost answer to a sign-up is found to have been a success', async (t) => {
  const { server, api } = await withServer(t);
  server.fail('/auth/register', 'lost');
  assert.deepEqual(await api.createUser({ email: 'ana@example.org', password: 'a password' }, signal), {
    email: 'ana@example.org',
  });
});

test('makes and lists projects', async (t) => {
  const { api } = await withServer(t);
  const made = await api.createProject('From LibreChat & elsewhere', signal);
  assert.deepEqual(await api.projects(signal), [made]);
  assert.equal(made.name, 'From LibreChat & elsewhere');
});

test('tries again what may pass', async (t) => {
  const html = {
    headers: { 'content-type': 'text/html' },
    body: '<html><title>Blocked by the firewall</title></html>',
  };
  const cases: Record<string, Fault> = {
    'too many requests': { status: 429 },
    'a server in trouble': { status: 503 },
    'a proxy without its server': { status: 502, ...html },
    'a firewall, which says 403 in HTML': { status: 403, ...html },
    'a connection that is reset': 'reset',
    'an answer that is cut short': 'cut',
  };
  for (const [name, fault] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { server, api, retries, pauses } = await withServer(t);
      server.fail('/persona', fault, fault);
      assert.equal((await api.personas(signal)).length, 1);
      assert.equal(retries.length, 2);
      assert.deepEqual(pauses, [125, 250]);
    });
  }
});

test('waits as long as the server asks for', async (t) => {
  const { server, api, pauses } = await withServer(t);
  server.fail('/persona', { status: 429, headers: { 'retry-after': '7' } });
  await api.personas(signal);
  assert.deepEqual(pauses, [7000]);
});

test('gives up with a code, the server’s words, and never the key', async (t) => {
  const html = { headers: { 'content-type': 'text/html' }, body: '<!DOCTYPE html><title>Sign in</title>' };
  const cases: Record<string, readonly [Fault, ErrorCode, RegExp]> = {
    unauthenticated: [{ status: 401, body: '{"detail":"Unauthorized"}' }, 'ETL_AUTH_FAILED', /HTTP 401: Unauthorized/],
    'not allowed': [{ status: 403, body: '{"detail":"admins only"}' }, 'ETL_AUTH_FAILED', /admins only/],
    'not there': [{ status: 404, body: '{"detail":"Not Found"}' }, 'ETL_SINK_FAILED', /HTTP 404/],
    'too large': [{ status: 413, ...html }, 'ETL_SINK_FAILED', /HTTP 413/],
    'a kind that is not taken': [{ status: 415 }, 'ETL_SINK_FAILED', /HTTP 415/],
    'too many': [{ status: 429, body: '{"detail":"slow down"}' }, 'ETL_SINK_FAILED', /slow down/],
    'down for long': [{ status: 503, ...html }, 'ETL_CONNECT_FAILED', /HTTP 503: an HTML page: Sign in/],
    'a web page': [{ status: 200, ...html }, 'ETL_CONNECT_FAILED', /text\/html, where JSON was expected/],
    'broken JSON': [{ status: 200, body: '[{"id": ' }, 'ETL_SINK_FAILED', /cut short or broken/],
    'another shape': [{ status: 200, body: '{"assistants": []}' }, 'ETL_CONNECT_FAILED', /not answer as Onyx does/],
    'a login page': [
      { status: 302, headers: { location: 'https://sso.example.org/?secret=1' } },
      'ETL_SINK_FAILED',
      /redirects to https:\/\/sso\.example\.org\//,
    ],
    'a connection that is reset': ['reset', 'ETL_CONNECT_FAILED', /other side closed|ECONNRESET/],
  };
  for (const [name, [fault, code, text]] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { server, api } = await withServer(t);
      server.fail('/persona', fault, fault, fault);
      await assert.rejects(api.personas(signal), failsWith(code, text));
    });
  }
  await t.test('a key that is refused: where to get one', async (t) => {
    for (const status of [401, 403]) {
      const { server, api } = await withServer(t);
      server.fail('/persona', { status, body: '{"detail":"no"}' });
      await assert.rejects(api.personas(signal), (error: EtlError) => {
        assert.match(error.hint, /ONYX_API_KEY .* administrator of this Onyx: .* API Keys/);
        return true;
      });
    }
  });
  await t.test('a server that repeats the key', async (t) => {
    const { server, api } = await withServer(t);
    server.fail('/persona', { status: 403, body: JSON.stringify({ detail: `Bearer ${server.key} is unknown` }) });
    await assert.rejects(api.personas(signal), (error: EtlError) => {
      assert.match(error.message, /\*\*\* is unknown/);
      assert.ok(!error.describe().includes(server.key));
      return true;
    });
  });
});

test('a server that never answers is given up after the time that was set', async (t) => {
  const { server, api, retries } = await withServer(t, {}, { timeoutMs: 40 });
  server.fail('/persona', 'hang', 'hang', 'hang');
  await assert.rejects(api.personas(signal), failsWith('ETL_CONNECT_FAILED', /no answer within/));
  assert.equal(retries.length, 2);
});

test('a wrong key, a wrong address and a wrong server say so', async (t) => {
  const server = await onyxServer(t);
  const { api } = await opened(t, { ...server, key: 'on_wrong-key-of-another' });
  await assert.rejects(api.personas(signal), failsWith('ETL_AUTH_FAILED', /not authenticated/));
  const { api: nobody } = await opened(t, { url: 'http://127.0.0.1:1', key: server.key });
  await assert.rejects(nobody.personas(signal), failsWith('ETL_CONNECT_FAILED', /ECONNREFUSED/));
  const { api: elsewhere } = await opened(t, { url: `${server.url}/elsewhere`, key: server.key });
  await assert.rejects(elsewhere.personas(signal), failsWith('ETL_CONNECT_FAILED', /HTTP 404/));
  for (const [apiBase, apiKey] of [
    ['onyx.example.org', 'key'],
    ['ftp://onyx.example.org', 'key'],
    [server.url, ''],
    [server.url, 'line\nbreak'],
  ] as const) {
    await assert.rejects(OnyxApi.open({ apiBase, apiKey }), failsWith('ETL_CONFIG_INVALID'));
  }
});

test('stops at once when it is told to, also while it waits', async (t) => {
  const { server, api } = await withServer(t);
  server.fail('/persona', 'hang');
  const stop = new AbortController();
  const asking = api.personas(stop.signal);
  const untilAsked = async (): Promise<void> => {
    while (!server.requests.includes('GET /api/persona')) await new Promise((resolve) => setImmediate(resolve));
  };
  await untilAsked();
  stop.abort(new Error('stopped by the test'));
  await assert.rejects(asking, /stopped by the test/);
});

test('keeps connections alive, and makes no more than were allowed', async (t) => {
  const { server, api } = await withServer(t, {}, { concurrency: 2 });
  await Promise.all(Array.from({ length: 20 }, () => api.personas(signal)));
  assert.ok(server.connections() <= 2, `${server.connections()} connections`);
});

test('follows redirects within the server only', async (t) => {
  const { server, api } = await withServer(t);
  server.fail('/user/projects', { status: 307, headers: { location: '/api/persona' } });
  assert.deepEqual(await api.projects(signal), [{ id: 0, name: 'Assistant' }]);
  const other = await onyxServer(t);
  const away = { status: 307, headers: { location: `${other.url}/api/persona` } };
  server.fail('/user/projects', away);
  await assert.rejects(api.projects(signal), failsWith('ETL_SINK_FAILED', /redirects to/));
  assert.deepEqual(other.requests, []);
});
