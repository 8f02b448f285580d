import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { canonicalJson } from '../../canonical-json.ts';
import { EtlError } from '../../errors.ts';
import { inputError } from '../../files/file-error.ts';
import { readJsonValues } from '../../files/read-json-values.ts';
import {
  compareBundleOrder,
  INDEX_FILE,
  MANIFEST_FILE,
  type BundleIndexEntry,
  type BundleManifest,
} from '../../formats/bundle.ts';
import type { Json } from '../../json.ts';

type Place = Pick<BundleIndexEntry, 'user' | 'key'>;

/** The chats of an earlier bundle, read beside those of a new one, which come in the same order. */
export class PreviousIndex {
  /** Which bundle it is, for the new one's manifest. */
  readonly bundle: NonNullable<BundleManifest['since']>;
  readonly #entries: AsyncIterator<BundleIndexEntry>;
  #next: BundleIndexEntry | undefined;
  #place: Place | null;

  private constructor(
    bundle: NonNullable<BundleManifest['since']>,
    entries: AsyncIterator<BundleIndexEntry>,
    place: Place | null,
  ) {
    this.bundle = bundle;
    this.#entries = entries;
    this.#place = place;
  }

  /**
   * Opens the index of the bundle at `path`; what is up to `place` has been compared before. `scope` is what is asked for this
   * time: beside a bundle of something else, what is not asked for now would pass for gone.
   *
   * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is no whole bundle; `ETL_SOURCE_INVALID` when its scope is another one.
   */
  static async open(path: string, place: Place | null, scope: Json | undefined): Promise<PreviousIndex> {
    const manifestPath = join(path, MANIFEST_FILE);
    let text: string;
    try {
      text = await readFile(manifestPath, 'utf8');
    } catch (error) {
      throw inputError(error, manifestPath, {
        hint: 'A bundle without MANIFEST.json is not complete: finish that export, or make a full one.',
      });
    }
    // Written by us; whether it is whole is for `etl verify` to say.
    const manifest = JSON.parse(text) as BundleManifest;
    if (!isSameScope(manifest.scope as Json | undefined, scope)) {
      throw new EtlError(
        'ETL_SOURCE_INVALID',
        `that bundle was asked for ${said(manifest.scope)}, this one for ${said(scope)}`,
        {
          where: { file: manifestPath },
          hint: 'Compare with a bundle of the same users and options, or make a full one.',
        },
      );
    }
    const bundle = { exported_at: manifest.exported_at, index_sha256: manifest.files[INDEX_FILE]?.sha256 ?? '' };
    const entries = readJsonValues(join(path, INDEX_FILE)) as AsyncGenerator<BundleIndexEntry>;
    const index = new PreviousIndex(bundle, entries, place);
    await index.#advance();
    while (place !== null && index.#next !== undefined && compareBundleOrder(index.#next, place) <= 0)
      await index.#advance();
    return index;
  }

  /** The last chat that was compared. */
  get place(): Place | null {
    return this.#place;
  }

  /** Chats of the earlier bundle that come before this one and were not met: they are gone. */
  async *before(entry: Place): AsyncGenerator<BundleIndexEntry> {
    if (this.#place !== null && compareBundleOrder(this.#place, entry) >= 0) {
      throw new EtlError(
        'ETL_SOURCE_INVALID',
        `chats are not in the order of a bundle: ${nameOf(this.#place)}, then ${nameOf(entry)}`,
        {
          hint: 'A bundle of changes needs a source that gives chats by owner and id.',
        },
      );
    }
    this.#place = { user: entry.user, key: entry.key };
    for (let next = this.#next; next !== undefined && compareBundleOrder(next, entry) < 0; next = this.#next) {
      yield next;
      await this.#advance();
    }
  }

  /** Whether the earlier bundle has this chat with the same content. */
  async isUnchanged(entry: Place & Pick<BundleIndexEntry, 'digest'>): Promise<boolean> {
    const next = this.#next;
    if (next === undefined || compareBundleOrder(next, entry) !== 0) return false;
    await this.#advance();
    return next.digest === entry.digest;
  }

  /** What is left of the earlier bundle at the end. */
  async *rest(): AsyncGenerator<BundleIndexEntry> {
    for (let next = this.#next; next !== undefined; next = this.#next) {
      yield next;
      await this.#advance();
    }
  }

  async close(): Promise<void> {
    await this.#entries.return?.();
  }

  async #advance(): Promise<void> {
    const next = await this.#entries.next();
    this.#next = next.done === true ? undefined : next.value;
  }
}

/** Whether two bundles were asked for the same. */
function isSameScope(a: Json | undefined, b: Json | undefined): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}

function said(scope: unknown): string {
  return scope === undefined ? 'everything' : JSON.stringify(scope);
}

function nameOf({ user, key }: Place): string {
  return `"${key}" of user "${user}"`;
}
