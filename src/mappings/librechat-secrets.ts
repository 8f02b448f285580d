import type { Json } from '../json.ts';

/** Member names whose values never leave a LibreChat, wherever they stand outside what people and models said. */
export const secretNames: ReadonlySet<string> = new Set([
  'password',
  'totpSecret',
  'backupCodes',
  'pendingTotpSecret',
  'pendingBackupCodes',
  'refreshToken',
  'refresh_token',
  'accessToken',
  'access_token',
  'idToken',
  'id_token',
  'apiKey',
  'api_key',
  'clientSecret',
  'client_secret',
  'authorization',
  'Authorization',
  'auth',
  'shareId',
  'conversationSignature',
  'thoughtSignature',
  'thoughtSignatures',
  'subagentThreadLease',
  'agentEventBinding',
]);

/** Fields that only the server's search and its object mapper care about. */
export function isBookkeeping(name: string): boolean {
  return name === '__v' || name.startsWith('_meili');
}

/** What names begin with that hold secrets, too. */
export const secretPrefixes: readonly string[] = ['agentEventActor'];

/** True for names that hold a secret. */
export function isSecret(name: string): boolean {
  return secretNames.has(name) || secretPrefixes.some((prefix) => name.startsWith(prefix));
}

/** Parameters of a link that let its reader in. */
export const signatureParameters: readonly string[] = [
  'x-amz-signature',
  'x-amz-credential',
  'x-amz-security-token',
  'x-goog-signature',
  'x-goog-credential',
  'signature',
  'policy',
  'key-pair-id',
  'awsaccesskeyid',
  'googleaccessid',
  'sig',
  'token',
  'access_token',
];
const signatures = new RegExp(`^(?:${signatureParameters.join('|')})$`, 'i');
const companions = /^(?:x-amz-.*|x-goog-.*|expires|s[etvprk]|srt|ss|spr|sip|sk.*|sdd|hash-algorithm)$/i;

/**
 * Text of a JSON document that may hold a secret: cheap, and never wrong when it says no. Names that are written with
 * escapes count as secrets.
 */
export const mayHoldSecret = new RegExp(
  `"(?:${[...secretNames].join('|')})"|"(?:${secretPrefixes.join('|')})|[?&](?:${signatureParameters.join('|')})(?![\\w.-])|\\\\u00[2-7]`,
  'i',
);

/** A link without what would let its reader in: signatures and tokens, and what only goes with a signature. */
export function withoutSignature(url: string): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const hash = url.indexOf('#', start);
  const end = hash < 0 ? url.length : hash;
  const parameters = url.slice(start + 1, end).split('&');
  if (!parameters.some(isSignature)) return url;
  const harmless = parameters.filter((parameter) => !isSignature(parameter) && !companions.test(nameOf(parameter)));
  return url.slice(0, start) + (harmless.length > 0 ? `?${harmless.join('&')}` : '') + url.slice(end);
}

function isSignature(parameter: string): boolean {
  return signatures.test(nameOf(parameter));
}

function nameOf(parameter: string): string {
  return parameter.split('=', 1)[0] ?? '';
}

/**
 * A value without secrets: members with a secret's name are left out, links lose their signatures. The same value when there
 * is nothing to leave out. `found` is told the path of each.
 */
export function withoutSecrets(value: Json, found: (path: string) => void, path = ''): Json {
  if (typeof value === 'string') {
    if (!/^https?:/i.test(value) || !value.includes('?')) return value;
    const clean = withoutSignature(value);
    if (clean !== value) found(path);
    return clean;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return cleanList(value as readonly Json[], found, path);
  return cleanDocument(value as { readonly [name: string]: Json }, found, path);
}

function cleanList(list: readonly Json[], found: (path: string) => void, path: string): Json {
  let clean: Json[] | undefined;
  for (const [place, value] of list.entries()) {
    const kept = withoutSecrets(value, found, path);
    if (kept === value) continue;
    clean ??= [...list];
    clean[place] = kept;
  }
  return clean ?? list;
}

function cleanDocument(document: { readonly [name: string]: Json }, found: (path: string) => void, path: string): Json {
  let clean: { [name: string]: Json } | undefined;
  for (const name of Object.keys(document)) {
    const value = document[name];
    if (value === undefined) continue;
    const below = path === '' ? name : `${path}.${name}`;
    if (isSecret(name) && value !== null) {
      clean ??= { ...document };
      delete clean[name];
      found(below);
      continue;
    }
    const kept = withoutSecrets(value, found, below);
    if (kept === value) continue;
    clean ??= { ...document };
    clean[name] = kept;
  }
  return clean ?? document;
}
