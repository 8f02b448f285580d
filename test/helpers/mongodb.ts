import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { appendFileSync, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MongoClient } from 'mongodb';

import { startFerretdb } from './ferretdb/start.ts';
import { startWireServer } from './mongodb-wire/server.ts';

/** What a test may need of a server beyond reading and writing documents. */
export type MongodbNeed =
  | 'real' // a database, not a stand-in of the tests
  | 'decimal128'
  | 'nonfinite' // NaN and the infinities
  | 'negative-zero'
  | 'nested-arrays'
  | 'special-keys' // field names with `$` and `.`
  | 'all-id-types' // MinKey, null, symbol, code … as _id
  | 'sample'
  | 'lookup'
  | 'elem-match'
  | 'collation'
  | 'partial-indexes'
  | 'transactions';

export type MongodbKind = 'MONGODB_URI' | 'mongod' | 'ferretdb' | 'wire';

/** A database of its own on the server at hand. */
export interface TestMongodb {
  readonly kind: MongodbKind;
  /** With the database's name in it. */
  readonly uri: string;
  readonly database: string;
  /** Drops the database. */
  close(): Promise<void>;
}

/** What stand-ins cannot do: each was tried. FerretDB closes the connection, refuses, or silently does it wrong. */
const lacks: Readonly<Record<MongodbKind, readonly MongodbNeed[]>> = {
  MONGODB_URI: [],
  mongod: [],
  ferretdb: [
    'decimal128',
    'nonfinite',
    'negative-zero',
    'nested-arrays',
    'special-keys',
    'all-id-types',
    'sample',
    'lookup',
    'elem-match',
    'collation',
    'partial-indexes',
    'transactions',
  ],
  wire: ['real', 'lookup', 'collation', 'partial-indexes', 'transactions'],
};

interface Server {
  readonly kind: MongodbKind;
  readonly uri: string;
  readonly close: () => Promise<void>;
}

/**
 * A database for one test, on the best server there is: `MONGODB_URI`, a `mongod` (`MONGOMS_SYSTEM_BINARY`, on `PATH`, or
 * downloaded), FerretDB where Go is found, and the wire server of the tests for what FerretDB cannot do. `skip` is the
 * reason when none of them can; the test passes it to `t.skip`.
 *
 * Which server it was, and what was skipped, is appended to the file that `ETL_TEST_NOTES` names.
 */
export async function mongodbForTests({
  needs = [],
}: {
  readonly needs?: readonly MongodbNeed[];
} = {}): Promise<TestMongodb | { readonly skip: string }> {
  const best = await (found ??= bestServer());
  const server = needs.some((need) => lacks[best.kind].includes(need)) ? await (wire ??= wireServer()) : best;
  if (needs.some((need) => lacks[server.kind].includes(need))) {
    const missing = needs.filter((need) => lacks[best.kind].includes(need));
    const skip = `needs a MongoDB with ${missing.join(', ')}, and there is only ${best.kind}: set MONGODB_URI`;
    note(`mongodb: skipped: ${skip}`);
    return { skip };
  }
  const database = `etl_test_${randomUUID().slice(0, 13).replace('-', '_')}`;
  const uri = withDatabase(server.uri, database);
  users += 1;
  return { kind: server.kind, uri, database, close: () => release(server.uri, database) };
}

let found: Promise<Server> | undefined;
let wire: Promise<Server> | undefined;
let users = 0;

/** The servers of this process stop with the last database in use. */
async function release(uri: string, database: string): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    await client.db(database).dropDatabase();
  } finally {
    await client.close();
    users -= 1;
    if (users === 0) await stopServers();
  }
}

async function stopServers(): Promise<void> {
  const running = [found, wire];
  found = undefined;
  wire = undefined;
  for (const server of running) await (await server)?.close();
}

async function bestServer(): Promise<Server> {
  const reasons: string[] = [];
  for (const start of [givenServer, mongod, ferretdb, wireServer]) {
    try {
      const server = await start();
      if (server === undefined) continue;
      note(`mongodb: ${server.kind}${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`);
      return server;
    } catch (error) {
      reasons.push(`${start.name}: ${String(error instanceof Error ? error.message : error).split('\n', 1)[0]}`);
    }
  }
  throw new Error(`no MongoDB for the tests: ${reasons.join('; ')}`);
}

async function givenServer(): Promise<Server | undefined> {
  const uri = process.env['MONGODB_URI'];
  return uri === undefined || uri === '' ? undefined : { kind: 'MONGODB_URI', uri, close: async () => undefined };
}

async function mongod(): Promise<Server | undefined> {
  const { DryMongoBinary, MongoMemoryServer } = await import('mongodb-memory-server-core');
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'mongod'))
    .find(existsSync);
  const systemBinary = process.env['MONGOMS_SYSTEM_BINARY'] ?? onPath;
  const isHere =
    systemBinary !== undefined ||
    (await DryMongoBinary.locateBinary(await DryMongoBinary.generateOptions())) !== undefined;
  // Its own download tries three times, with pauses; without a network each test file would wait for that.
  if (!isHere) await lookup('fastdl.mongodb.org');
  const server = await MongoMemoryServer.create(systemBinary === undefined ? {} : { binary: { systemBinary } });
  return { kind: 'mongod', uri: server.getUri(), close: async () => void (await server.stop()) };
}

async function ferretdb(): Promise<Server> {
  return { kind: 'ferretdb', ...(await startFerretdb()) };
}

async function wireServer(): Promise<Server> {
  const { uri, close } = await startWireServer();
  return { kind: 'wire', uri, close };
}

/** The same server with another database in the path; who logs in against the old one still does. */
function withDatabase(uri: string, database: string): string {
  const [, base = '', path = '', query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/]+)(?:\/([^?]*))?(\?.*)?$/.exec(uri) ?? [];
  const needsAuthSource = path !== '' && base.includes('@') && !query.includes('authSource=');
  return `${base}/${database}${query}${needsAuthSource ? `${query === '' ? '?' : '&'}authSource=${path}` : ''}`;
}

function note(text: string): void {
  const file = process.env['ETL_TEST_NOTES'];
  if (file !== undefined && file !== '') appendFileSync(file, `${text}\n`);
}
