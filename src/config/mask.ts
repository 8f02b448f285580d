import type { JsonSchema } from './option-info.ts';

const hidden = '***';
// Shorter values are no secrets, and masking every "a" would leave nothing to read.
const shortest = 4;

/** Hides the password in every address of a text: `mongodb://me:secret@host` becomes `mongodb://me:***@host`. */
export function maskAddresses(text: string): string {
  // Up to the last @ of the word: passwords that should have been escaped hold @ and / too. Hiding too much is harmless.
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)([^\s/:@"']*):([^\s"']*)@/gi, `$1$2:${hidden}@`);
}

/** Gives the function that hides these secrets, and passwords in addresses, in any text. */
export function maskFor(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets.flatMap(secretParts))].filter((secret) => secret.length >= shortest);
  known.sort((left, right) => right.length - left.length);
  return (text) => maskAddresses(known.reduce((masked, secret) => masked.replaceAll(secret, hidden), text));
}

/** The values of all options that are marked secret. */
export function secretsIn(schema: JsonSchema, value: unknown): string[] {
  if (schema.secret === true) return stringsIn(value);
  if (Array.isArray(value))
    return value.flatMap((entry) => (schema.items === undefined ? [] : secretsIn(schema.items, entry)));
  const inBranches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((branch) => secretsIn(branch, value));
  if (value === null || typeof value !== 'object') return inBranches;
  const inProperties = Object.entries(value).flatMap(([key, entry]) => {
    const property = schema.properties?.[key];
    return property === undefined ? [] : secretsIn(property, entry);
  });
  return [...inBranches, ...inProperties];
}

/** The same options with what is secret hidden: the password of an address, anything else as a whole. */
export function maskOptions(schema: JsonSchema, value: unknown): unknown {
  const mask = maskFor(secretsIn(schema, value));
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return mask(part);
    if (Array.isArray(part)) return part.map(walk);
    if (part === null || typeof part !== 'object') return part;
    return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, walk(entry)]));
  };
  return walk(value);
}

/** An address is shown but for its password; any other secret is hidden as it stands. */
function secretParts(secret: string): string[] {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.exec(secret);
  if (address === null) return [secret];
  const password = /:\/\/[^\s/:@]*:(.*)@/.exec(secret)?.[1];
  const parameters = secret
    .split('?')
    .slice(1)
    .join('?')
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  const parts = password === undefined ? [] : [password, decoded(password)];
  // Only parameters long enough to be a key: `retryWrites=true` stays readable.
  return [...parts, ...parameters.filter((parameter) => parameter.length >= 16)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  if (value !== null && typeof value === 'object') return Object.values(value).flatMap(stringsIn);
  return [];
}
