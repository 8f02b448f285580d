import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import { openLanggraph } from '../../src/connections/langgraph.ts';
import { EtlError } from '../../src/errors.ts';
import { validateThreads } from '../../src/jobs/langgraph-validate.ts';
import { pipeline } from '../../src/pipeline.ts';
import { reportOf, type RunReport } from '../../src/report.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { startProxy, type Proxy } from '../helpers/langgraph/proxy.ts';
import { seedMany } from '../helpers/langgraph/seed.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

const companion = join(import.meta.dirname, '../../companion/threadmill-companion.mjs');
const source = await startLanggraph();
const target = await startLanggraph({ graphs: { threadmill_companion: `${companion}:companion` } });
after(async () => {
  await source.close();
  await target.close();
});
const there = new Client({ apiUrl: target.url, apiKey: null });
const count = 12;
const ids = await seedMany(new Client({ apiUrl: source.url, apiKey: null }), count, { checkpoints: 4 });

const page = (status: number): ReturnType<Proxy['answer']> => ({
  status,
  text: '<!doctype html>\n<html><title>Who are you?</title></html>',
});

interface Migration {
  readonly mode: NonNullable<LanggraphSinkOptions['mode']>;
  readonly concurrency?: number;
  readonly rejects?: 'stop' | { readonly to: string };
}

/** A test on an empty target behind a proxy; `migrate` gives the report of a run, with its error when it failed. */
function testBehindProxy(
  name: string,
  run: (
    proxy: Proxy,
    migrate: (given: Migration) => Promise<RunReport & { readonly thrown?: EtlError }>,
  ) => Promise<void>,
): void {
  testIn(name, async (directory) => {
    for (const { thread_id: id } of await there.threads.search({ limit: 1000 })) await there.threads.delete(id);
    const proxy = await startProxy(target.url);
    const migrate = async ({
      mode,
      concurrency = 4,
      rejects = { to: join(directory, 'rejects.jsonl') },
    }: Migration): Promise<RunReport & { readonly thrown?: EtlError }> => {
      const sink = langgraphSink(
        { apiUrl: proxy.url, mode, concurrency, attempts: 2 },
        {
          connect: (options) => openLanggraph({ ...options, retryBaseMs: 1 }),
          progressFolder: join(directory, 'progress'),
          retryBaseMs: 1,
        },
      );
      const threads = pipeline(langgraphSource({ apiUrl: source.url }), { name: 'migrate', onReject: rejects });
      try {
        return await threads.to(sink).run();
      } catch (error) {
        assert.ok(error instanceof EtlError, String(error));
        const report = reportOf(error);
        assert.ok(report);
        return { ...report, thrown: error };
      }
    };
    try {
      await run(proxy, migrate);
    } finally {
      await proxy.close();
    }
  });
}

/** The threads on the target that have nothing, and all of them. */
async function shells(): Promise<{ readonly empty: readonly string[]; readonly all: readonly string[] }> {
  const all = (await there.threads.search({ limit: 1000 })).map(({ thread_id: id }) => id);
  const empty: string[] = [];
  for (const id of all) if ((await there.threads.getHistory(id, { limit: 1 })).length === 0) empty.push(id);
  return { empty, all };
}

async function assertWhole(): Promise<void> {
  const { ok, differences } = await validateThreads(
    () => langgraphSource({ apiUrl: source.url }),
    () => langgraphSource({ apiUrl: target.url }),
  );
  assert.ok(ok, JSON.stringify(differences));
}

describe('a page of HTML in the place of the API', () => {
  for (const mode of ['history', 'full'] as const) {
    for (const status of [200, 502]) {
      testBehindProxy(`with status ${status} stops ${mode}, which goes on when it is gone`, async (proxy, migrate) => {
        let creates = 0;
        proxy.answer = ({ method, path }) => {
          if (method === 'POST' && path === '/threads') creates += 1;
          return creates > 5 ? page(status) : undefined;
        };
        const { thrown, counts } = await migrate({ mode });
        assert.equal(thrown?.code, 'ETL_CONNECT_FAILED');
        assert.match(thrown.message, /<!doctype html> <html><title>Who are you\?/);
        assert.match(thrown.hint, /log-in.*check the address and the key/);
        assert.equal(counts.rejected, 0);
        proxy.answer = () => undefined;
        const again = await migrate({ mode });
        assert.deepEqual([again.counts.written, again.counts.rejected], [count, 0]);
        await assertWhole();
      });
    }
  }

  testBehindProxy('for everything that writes stops at the third thread', async (proxy, migrate) => {
    proxy.answer = ({ method, path }) => (method === 'POST' && path === '/threads' ? page(502) : undefined);
    const { thrown, rejects } = await migrate({ mode: 'history', concurrency: 1 });
    assert.equal(thrown?.code, 'ETL_CONNECT_FAILED');
    assert.match(thrown.message, /POST \/threads answered 502: <!doctype html>/);
    assert.deepEqual(rejects.reasons, []);
  });

  testBehindProxy('for one thread costs that thread', async (proxy, migrate) => {
    proxy.answer = ({ method, text }) =>
      method === 'POST' && text.startsWith(`{"thread_id":"${ids[3] ?? ''}"`) ? page(502) : undefined;
    const { thrown, counts, rejects } = await migrate({ mode: 'history', concurrency: 1 });
    assert.equal(thrown, undefined);
    assert.deepEqual([counts.written, counts.rejected], [count - 1, 1]);
    assert.match(rejects.reasons[0]?.reason ?? '', /answered 502: <!doctype html>/);
  });
});

for (const mode of ['history', 'full'] as const) {
  testBehindProxy(`${mode} writes a thread although the answer to its creation was lost`, async (proxy, migrate) => {
    const lost = new Set<string>();
    proxy.loses = ({ method, path, text }) => {
      const id = method === 'POST' && path === '/threads' ? ids.find((one) => text.includes(one)) : undefined;
      if (id === undefined || lost.has(id)) return false;
      lost.add(id);
      return true;
    };
    const { thrown, counts, rejects } = await migrate({ mode });
    assert.equal(thrown, undefined);
    assert.deepEqual([counts.written, rejects.reasons], [count, []]);
    assert.equal(lost.size, count);
    await assertWhole();
  });
}

describe('a run that ends half-way', () => {
  for (const answer of [page(401), { status: 500, text: '{"error":"no"}', type: 'application/json' }]) {
    testBehindProxy(`by ${answer?.status} leaves no empty thread, and goes on`, async (proxy, migrate) => {
      proxy.answer = ({ path, text }) =>
        path.endsWith('/runs/wait') && text.includes('"op":"load"') ? answer : undefined;
      const { thrown, warnings } = await migrate({ mode: 'full', rejects: 'stop' });
      assert.notEqual(thrown, undefined);
      assert.deepEqual(await shells(), { empty: [], all: [] });
      assert.deepEqual(
        warnings.filter(({ message }) => message.includes('without any history')),
        [],
      );
      proxy.answer = () => undefined;
      assert.equal((await migrate({ mode: 'full', rejects: 'stop' })).counts.written, count);
      await assertWhole();
    });
  }

  testBehindProxy('and may not delete any more names what it left', async (proxy, migrate) => {
    let isRevoked = false;
    proxy.answer = ({ path }) => {
      isRevoked ||= path.endsWith('/runs/wait');
      return isRevoked ? { status: 403, text: '{"error":"revoked"}', type: 'application/json' } : undefined;
    };
    const { thrown, warnings } = await migrate({ mode: 'full' });
    assert.equal(thrown?.code, 'ETL_AUTH_FAILED');
    proxy.answer = () => undefined;
    const { empty } = await shells();
    assert.ok(empty.length > 0);
    const warning = warnings.find(({ message }) => message.includes('without any history'))?.message ?? '';
    assert.match(warning, /403.*The same command again finishes them/);
    assert.ok(
      empty.some((id) => warning.includes(id)),
      warning,
    );
    assert.equal((await migrate({ mode: 'full' })).counts.written, count);
    await assertWhole();
  });
});
