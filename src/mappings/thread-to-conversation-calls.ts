import { isDeepStrictEqual } from 'node:util';

import type { Json } from '../json.ts';
import type { ToolCallPart } from '../models/conversation-parts.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';

/** The calls of tools in a message, and what of `additional_kwargs` is in them. */
export interface FoundCalls {
  readonly parts: readonly ToolCallPart[];
  readonly used: ReadonlySet<string>;
}

/**
 * The tool calls of an answer: `tool_calls`, those that could not be read (`invalid_tool_calls`), and the ones that older
 * messages have in `additional_kwargs` only.
 *
 * The provider's own text of the arguments, in `additional_kwargs.tool_calls`, is taken where it says the same.
 */
export function callsOf(fields: Fields, kwargs: Fields): FoundCalls {
  const used = new Set<string>();
  const rawCalls = records(kwargs['tool_calls']);
  const texts = rawCalls.flatMap(({ id, index, function: call }) =>
    isFields(call) && typeof call['arguments'] === 'string' ? [{ id, index, text: call['arguments'] }] : [],
  );
  const parts: ToolCallPart[] = records(fields['tool_calls']).map(
    ({ id, name, args, type: _, ...extra }, place, all) => {
      // Providers repeat ids: the first text is the first call's, where none says which call it is of.
      const isRepeated = all.some((other, index) => index !== place && other['id'] === id);
      const own = texts.find((one) => one.id === id && (!isRepeated || (one.index ?? place) === place));
      if (own !== undefined) texts.splice(texts.indexOf(own), 1);
      const text = own?.text;
      const same = text !== undefined && isDeepStrictEqual(text === '' ? {} : parsed(text), args ?? {});
      return call(id, name, same ? text : (args ?? {}), extra);
    },
  );
  const broken = records(fields['invalid_tool_calls'] ?? kwargs['invalid_tool_calls']);
  if (fields['invalid_tool_calls'] === undefined && broken.length > 0) used.add('invalid_tool_calls');
  for (const { id, name, args, type: _, error, ...extra } of broken) {
    parts.push({
      ...call(id, name, args ?? '', error === undefined || error === null ? extra : { ...extra, error }),
      sourceType: 'invalid_tool_call',
    });
  }
  if (parts.length === 0) {
    for (const { id, function: described } of rawCalls)
      if (isFields(described)) parts.push(call(id, described['name'], described['arguments'] ?? '', {}));
    const older = kwargs['function_call'];
    if (isFields(older)) {
      parts.push(call(null, older['name'], older['arguments'] ?? '', {}));
      used.add('function_call');
    }
  }
  const isInParts = ({ id, function: described, type, index: _, ...more }: Fields): boolean =>
    Object.keys(more).length === 0 &&
    (type === undefined || type === 'function') &&
    isFields(described) &&
    Object.keys(described).every((name) => name === 'name' || name === 'arguments') &&
    parts.some((part) => part.id === (id ?? null) && part.arguments === described['arguments']);
  if (rawCalls.length > 0 && rawCalls.every(isInParts)) used.add('tool_calls');
  return { parts, used };
}

function call(id: Json | undefined, name: Json | undefined, given: Json, extra: Fields): ToolCallPart {
  return {
    type: 'toolCall',
    id: typeof id === 'string' && id !== '' ? id : null,
    name: typeof name === 'string' ? name : '',
    arguments: given,
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function records(value: Json | undefined): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isFields) : [];
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
