import { bytesMatch } from '../formats/bytes-match.ts';
import type { Json } from '../json.ts';
import { documentOf, listOf, parseDocument, type Document } from '../models/extended-json.ts';
import { mayHoldSecret, withoutSecrets } from './librechat-secrets.ts';

/** Members of a part, or of a tool call in it, that hold what people, models and tools said: kept to the letter. */
const spoken = new Set([
  'text',
  'think',
  'steer',
  'error',
  'args',
  'output',
  'arguments',
  'input',
  'outputs',
  'activity_label',
]);
const calls = new Set(['tool_call', 'function', 'code_interpreter']);

/**
 * The JSON text of a document without its secrets: the same bytes when there are none.
 *
 * What people and models said in a message is never touched, only what the server keeps beside it. `found` is told of each.
 */
export function withoutSecretsInText(text: Buffer, kind: 'message' | 'other', found: (path: string) => void): Buffer {
  if (!bytesMatch(mayHoldSecret, text)) return text;
  const document = parseDocument(text.toString('utf8'));
  const clean = kind === 'message' ? cleanMessage(document, found) : withoutSecrets(document as Json, found);
  return clean === document ? text : Buffer.from(JSON.stringify(clean));
}

function cleanMessage(message: Document, found: (path: string) => void): Json {
  const { text, content, ...rest } = message;
  const cleanRest = withoutSecrets(rest as Json, found) as Document;
  const parts = listOf(content);
  const cleanParts = parts?.map((part) => cleanPart(part, found, 'content'));
  const isSame =
    cleanRest === rest && (parts === undefined || parts.every((part, place) => part === cleanParts?.[place]));
  if (isSame) return message as Json;
  // Members in their stored order.
  const clean: { [name: string]: Json } = {};
  for (const name of Object.keys(message)) {
    const value =
      name === 'content' && cleanParts !== undefined ? cleanParts : name in cleanRest ? cleanRest[name] : undefined;
    const kept = name === 'text' || (name === 'content' && cleanParts === undefined) ? message[name] : value;
    if (kept !== undefined) clean[name] = kept;
  }
  return clean;
}

/** A part, or a call in it: what was said stays as it is. */
function cleanPart(part: Json, found: (path: string) => void, path: string): Json {
  const document = documentOf(part);
  if (document === undefined) return part;
  let clean: { [name: string]: Json } | undefined;
  for (const [name, value] of Object.entries(document)) {
    if (value === undefined || spoken.has(name)) continue;
    const below = `${path}.${name}`;
    const kept =
      calls.has(name) && documentOf(value) !== undefined
        ? cleanPart(value, found, below)
        : memberOf(name, value, found, path);
    if (kept === value) continue;
    clean ??= { ...(document as { [name: string]: Json }) };
    if (kept === undefined) delete clean[name];
    else clean[name] = kept;
  }
  return clean ?? part;
}

/** One member by the rules for all: nothing when it is a secret itself. */
function memberOf(name: string, value: Json, found: (path: string) => void, path: string): Json | undefined {
  const one = { [name]: value };
  const clean = withoutSecrets(one, found, path);
  return clean === one ? value : (clean as Document)[name];
}
