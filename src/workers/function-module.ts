import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';

/** Where a function is that other threads can load. */
export interface FunctionModule {
  /** The module that exports it: `new URL('./tidy.js', import.meta.url)`. */
  readonly module: URL;
  /** As what. Default: `default`. */
  readonly name?: string | undefined;
}

/**
 * The address to send, and what goes into the run's configuration: another text of the module makes another run, as another
 * function does. What the module imports is not looked at.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when there is no such file.
 */
export function functionModule({ module, name = 'default' }: FunctionModule): {
  readonly by: { readonly module: string; readonly name: string };
  readonly config: Json;
} {
  const { href, protocol, pathname } = module;
  if (protocol !== 'file:') return { by: { module: href, name }, config: { module: hash('sha256', href), name } };
  try {
    const config = { file: basename(pathname), module: hash('sha256', readFileSync(module)), name };
    return { by: { module: href, name }, config };
  } catch (cause) {
    throw new EtlError('ETL_CONFIG_INVALID', `the module "${href}" cannot be read`, { cause });
  }
}
