import { stat } from 'node:fs/promises';

import type { Component, SourceComponent } from '../component.ts';
import { EtlError } from '../errors.ts';
import { readManifest } from '../files/bundle-folders.ts';
import { inputError } from '../files/file-error.ts';
import type { BundleManifest } from '../formats/bundle.ts';
import type { LibrechatRecord } from '../models/librechat-chat.ts';
import type { Source } from '../stage.ts';
import { bundleChats } from './bundle-chats.ts';

/**
 * What a bundle is compared with: another bundle's folder, or a LibreChat, live (`mongodb://…`) or as a folder of
 * `mongodump` or `mongoexport`, or as those files. A LibreChat is read the way the bundle's manifest says that it was read.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is no such folder; `ETL_SOURCE_INVALID` for a LibreChat beside a bundle
 *   whose conversations were taken apart by branches.
 */
export async function verifySource(
  against: string | readonly string[],
  manifest: BundleManifest | undefined,
  components: readonly Component[],
  database?: string,
): Promise<Source<LibrechatRecord>> {
  const places = typeof against === 'string' ? [against] : against;
  const [first = ''] = places;
  const isAddress = /^mongodb(\+srv)?:\/\//.test(first);
  for (const place of isAddress ? [] : places) {
    await stat(place).catch((error: unknown) => {
      throw inputError(error, place, { hint: 'Name a bundle, a folder of mongodump, or mongodb://…' });
    });
  }
  const other = isAddress || places.length > 1 ? undefined : await readManifest(first);
  if (other !== undefined) return bundleChats(first, other);
  const librechat = components.find(
    (component): component is SourceComponent => component.role === 'source' && component.type === 'librechat',
  );
  if (librechat === undefined)
    throw new EtlError('ETL_COMPONENT_UNKNOWN', 'there is no source "librechat" to read it with');
  const scope = typeof manifest?.scope === 'object' && manifest.scope !== null ? manifest.scope : {};
  if ('branches' in scope)
    throw new EtlError(
      'ETL_SOURCE_INVALID',
      `the bundle holds conversations along their branches (--branches ${String(scope.branches)}): LibreChat has no such documents`,
      { hint: 'Verify it alone, without a source; an export with --branches all can be compared with its source.' },
    );
  const where = isAddress ? { uri: first, ...(database !== undefined && { database }) } : { from: [...places] };
  // With `records: documents` it gives records of that form; the component's type does not say so.
  return librechat.create({ ...scope, ...where, records: 'documents' }) as Source<LibrechatRecord>;
}
