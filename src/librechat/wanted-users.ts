import { readFile } from 'node:fs/promises';

import { closest } from '../closest.ts';
import { EtlError } from '../errors.ts';
import { inputError } from '../files/file-error.ts';
import type { Document } from '../models/extended-json.ts';
import type { StageContext } from '../stage.ts';
import { readingContext } from './reading-context.ts';

/** Whose chats are asked for. */
interface Wanted {
  readonly users: 'all' | readonly string[];
  readonly usersFile?: string | undefined;
}

/** E-mail addresses and ids in lower case, from the options and the file; nothing when everybody is wanted. */
export async function wantedUsers({ users, usersFile }: Wanted): Promise<ReadonlySet<string> | undefined> {
  if (users === 'all' && usersFile === undefined) return undefined;
  const names = users === 'all' ? [] : [...users];
  if (usersFile !== undefined) {
    const text = await readFile(usersFile, 'utf8').catch((error: unknown) => {
      throw inputError(error, usersFile);
    });
    for (const line of text.split(/\r?\n/)) {
      const name = line.replace(/(?:^|\s)#.*/, '').trim();
      if (name !== '') names.push(name);
    }
    if (names.length === 0)
      throw new EtlError('ETL_SOURCE_INVALID', 'the file names no user', { where: { file: usersFile } });
  }
  return new Set(names.map((name) => name.toLowerCase()));
}

/**
 * Ids of the owners that are asked for, by e-mail address or id, among these accounts.
 *
 * An id may be that of an account that is gone. Every other name that nobody has is rejected, with the one it was probably
 * meant to be.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when nobody is there of those asked for; what `ctx.reject` throws.
 */
export function idsOfWanted(
  wanted: ReadonlySet<string>,
  users: ReadonlyMap<string, Document>,
  ctx: StageContext,
): ReadonlySet<string> {
  const emails = new Map<string, string[]>();
  for (const [id, { email }] of users) {
    if (typeof email !== 'string') continue;
    const key = email.toLowerCase();
    emails.set(key, [...(emails.get(key) ?? []), id]);
  }
  const ids = new Set<string>();
  const unknown: string[] = [];
  for (const name of wanted) {
    const found = emails.get(name) ?? (users.has(name) || /^[0-9a-f]{24}$/.test(name) ? [name] : []);
    if (found.length === 0) unknown.push(name);
    for (const id of found) ids.add(id);
  }
  if (unknown.length > 0 && ids.size === 0) throw nobody(unknown, emails);
  const { reject } = readingContext(ctx);
  for (const name of unknown) {
    reject({ user: name }, new EtlError('ETL_SOURCE_NOT_FOUND', `there is no user ${nameWithHint(name, emails)}`), {
      at: `user ${name}`,
    });
  }
  return ids;
}

function nobody(unknown: readonly string[], emails: ReadonlyMap<string, unknown>): EtlError {
  const names = unknown.slice(0, 10).map((name) => nameWithHint(name, emails));
  const more = unknown.length > names.length ? ` and ${unknown.length - names.length} others` : '';
  return new EtlError('ETL_SOURCE_NOT_FOUND', `there is no user ${names.join(', no ')}${more}`, {
    hint:
      emails.size === 0
        ? 'There are no accounts with an e-mail address: name owners by their ids.'
        : '`etl librechat users` lists who there is; an owner may be named by id, too.',
  });
}

function nameWithHint(name: string, emails: ReadonlyMap<string, unknown>): string {
  const meant = closest(name, emails.keys());
  return meant === undefined ? name : `${name} (did you mean ${meant}?)`;
}
