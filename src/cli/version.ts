import { readFileSync } from 'node:fs';

/** The version of the package this file belongs to. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  // Our own file, in every installation: `version` is there.
  return (JSON.parse(text) as { readonly version: string }).version;
}
