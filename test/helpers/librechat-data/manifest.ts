import type { Document } from 'bson';
import { featuresOf } from './features.ts';

/** Every planted secret holds this word; it is written nowhere else. */
export const SECRET_MARK = 'PLANTED';

/** One planted case: whose, where, and what a reader should make of it. */
export interface PlantedCase {
  readonly user?: string;
  readonly conversationId?: string | null;
  readonly messageId?: string;
  readonly fileId?: string;
  readonly email?: string;
  /** What repair gives: `parent` (null: a root), `keep` and `drop` (hex `_id`s), `bytes` (why there are none) … */
  readonly expect?: Document;
}

/** What was generated, exactly. JSON-able; complete once all records were taken. */
export interface Manifest {
  readonly schema: 'librechat-data/1';
  readonly options: Document;
  /** Documents a collection. */
  readonly collections: Record<string, number>;
  /** Documents by owner id (hex); `isDeleted` owners are not in `users`. */
  readonly users: Record<string, OwnerCounts>;
  /** Damage by kind: number of documents that bear it (`count` = `cases.length`). */
  readonly damage: Record<string, { count: number; cases: PlantedCase[] }>;
  /** How often other things occur in what was written: part types, attachments, storage kinds, flags … (`featuresOf`). */
  readonly features: Record<string, number>;
  /** Planted secrets by collection and field. */
  readonly secrets: { readonly mark: string; readonly fields: Record<string, number> };
  readonly binaries: { count: number; bytes: number };
}

export interface OwnerCounts {
  email: string;
  isDeleted: boolean;
  conversations: number;
  messages: number;
  files: number;
}

/** Takes notes for the manifest while records are made. */
export interface Recorder {
  readonly manifest: Manifest;
  owner(hex: string, email: string, isDeleted: boolean): void;
  document(collection: string, document: Document): void;
  binary(bytes: number): void;
  damage(kind: string, planted: PlantedCase): void;
  feature(name: string, count?: number): void;
  /** Notes a planted secret and returns its text: the mark, then `rest`. */
  secret(field: string, rest: string): string;
}

/** Starts an empty manifest. */
export function createRecorder(options: Document): Recorder {
  const manifest: Manifest = {
    schema: 'librechat-data/1',
    options,
    collections: {},
    users: {},
    damage: {},
    features: {},
    secrets: { mark: SECRET_MARK, fields: {} },
    binaries: { count: 0, bytes: 0 },
  };
  const add = (counts: Record<string, number>, key: string, by = 1): void => {
    counts[key] = (counts[key] ?? 0) + by;
  };
  return {
    manifest,
    owner(hex, email, isDeleted) {
      manifest.users[hex] = { email, isDeleted, conversations: 0, messages: 0, files: 0 };
    },
    document(collection, document) {
      add(manifest.collections, collection);
      for (const feature of featuresOf(collection, document)) add(manifest.features, feature);
      if (collection !== 'conversations' && collection !== 'messages' && collection !== 'files') return;
      const counts = manifest.users[String(document.user)];
      if (counts === undefined) throw new Error(`a document of ${collection} belongs to an owner nobody announced`);
      counts[collection]++;
    },
    binary(bytes) {
      manifest.binaries.count++;
      manifest.binaries.bytes += bytes;
    },
    damage(kind, planted) {
      const entry = manifest.damage[kind] ?? { count: 0, cases: [] };
      manifest.damage[kind] = entry;
      entry.count++;
      entry.cases.push(planted);
    },
    feature: (name, count = 1) => add(manifest.features, name, count),
    secret(field, rest) {
      add(manifest.secrets.fields, field);
      return SECRET_MARK + rest;
    },
  };
}
