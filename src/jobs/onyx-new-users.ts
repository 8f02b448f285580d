import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../errors.ts';
import { bundleFolders, type BundleFolder } from '../files/bundle-folders.ts';
import { readJsonValues } from '../files/read-json-values.ts';
import { SUMMARY_FILE, USERS_FILE } from '../formats/bundle.ts';
import type { LibrechatExportOptions } from './librechat-export.ts';
import { librechatUsers } from './librechat-users.ts';

/** Somebody who is to have an account. */
export interface NewUser {
  readonly email: string;
  readonly name?: string;
}

/** People, and how many have no address to make an account for: accounts that are gone, mostly. */
export interface NewUsers {
  /** In the order they were found, each address once in any case of letters. */
  readonly users: readonly NewUser[];
  readonly withoutEmail: number;
}

/**
 * The people in bundles: of the users' list of ours, of the summaries and the chats of others.
 *
 * @throws {EtlError} as the `bundle` source does, for what is no bundle or was not completed.
 */
export async function usersOfBundles(paths: readonly string[], signal: AbortSignal): Promise<NewUsers> {
  const found = new Found();
  for (const path of paths) {
    const { path: folder, manifest, folders } = await bundleFolders(path);
    if (manifest === undefined) for (const each of folders) await addOwners(found, each, signal);
    else for await (const user of readJsonValues(join(folder, USERS_FILE), signal)) found.add(user);
  }
  return found;
}

/** Those of the people in a bundle who have chats in it. */
export async function ownersOfBundle(path: string, signal: AbortSignal): Promise<NewUsers> {
  const { path: root, manifest, folders } = await bundleFolders(path);
  if (manifest === undefined) return usersOfBundles([path], signal);
  const withChats = new Set<string>();
  for (const { name, conversations } of folders) if ((await stat(conversations)).size > 0) withChats.add(name);
  const found = new Found();
  for await (const user of readJsonValues(join(root, USERS_FILE), signal))
    if (withChats.has(textOf(user, 'folder') ?? '')) found.add(user);
  return found;
}

/** The people of a LibreChat. */
export async function usersOfLibrechat(
  source: LibrechatExportOptions['source'],
  signal: AbortSignal,
): Promise<NewUsers> {
  const found = new Found();
  await librechatUsers(source, (user) => found.add(user), { signal });
  return found;
}

class Found implements NewUsers {
  readonly #users = new Map<string, NewUser>();
  withoutEmail = 0;

  get users(): readonly NewUser[] {
    return [...this.#users.values()];
  }

  /** `value` is somebody's line or document; it counts once for each who has no address. */
  add(value: unknown): void {
    const email = textOf(value, 'email')?.trim() ?? '';
    if (email === '') {
      this.withoutEmail += 1;
      return;
    }
    const name = textOf(value, 'name');
    const key = email.toLowerCase();
    if (!this.#users.has(key)) this.#users.set(key, { email, ...(name !== undefined && { name }) });
  }
}

/** A folder has a summary with its owner's address, else its chats have it. */
async function addOwners(found: Found, { path, conversations }: BundleFolder, signal: AbortSignal): Promise<void> {
  const summary = await summaryOf(path);
  const email = textOf(summary, 'email') ?? textOf(summary, 'user_email');
  if (email !== undefined) {
    found.add({ email });
    return;
  }
  const emails = new Set<string>();
  let isNobody = false;
  for await (const line of readJsonValues(conversations, signal)) {
    const email = textOf(line, 'user_email');
    if (email === undefined) isNobody = true;
    else emails.add(email);
  }
  for (const email of emails) found.add({ email });
  if (isNobody) found.add({});
}

/** What the summary of a folder says; nothing when there is none, or none that can be read: the chats are asked then. */
async function summaryOf(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, SUMMARY_FILE), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function textOf(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text = (value as Readonly<Record<string, unknown>>)[name];
  return typeof text === 'string' && text !== '' ? text : undefined;
}
