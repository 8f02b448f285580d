import type { Json } from '../json.ts';
import type { ToolCallPart } from '../models/conversation-parts.ts';
import type { Lose } from './conversation-to-thread-blocks.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';

/** A call of a tool, as a message of a thread has it. */
export interface Call {
  readonly id: string;
  readonly name: string;
  /** Nothing: the text is no JSON object. */
  readonly args: Fields | undefined;
  readonly text: string | undefined;
  readonly extra: Fields;
}

/** @param made The id of a call that has none. */
export function callOf({ id, name, arguments: given, extra = {} }: ToolCallPart, made: string, lose: Lose): Call {
  if (id === null) lose('call without an id');
  if (typeof given !== 'string') {
    if (!isFields(given)) lose('arguments that are no object');
    const args = isFields(given) ? given : { input: given };
    return { id: id ?? made, name, args, text: undefined, extra };
  }
  const value = given === '' ? {} : parsed(given);
  return { id: id ?? made, name, args: isFields(value) ? value : undefined, text: given, extra };
}

/**
 * The fields of a message that hold its calls: those whose arguments are an object, those that are broken, and the text of
 * the arguments as the model wrote it.
 *
 * @param isAnswer Only these have `tool_calls`, also when there are none.
 * @param isNative Calls keep the fields that the thread gave them.
 */
export function callFields(calls: readonly Call[], isAnswer: boolean, isNative: boolean): Fields {
  const broken = calls.filter(({ args }) => args === undefined);
  const fine = calls.filter(({ args }) => args !== undefined);
  const raw = fine.filter(({ text }) => text !== undefined);
  const isRepeated = new Set(fine.map(({ id }) => id)).size < fine.length;
  return {
    ...(isAnswer && {
      tool_calls: fine.map(({ id, name, args, extra }) => ({
        id,
        name,
        args: args ?? {},
        type: 'tool_call',
        ...(isNative ? extra : {}),
      })),
    }),
    ...(broken.length > 0 && {
      invalid_tool_calls: broken.map(({ id, name, text, extra }) => ({
        id,
        name,
        args: text ?? '',
        error: null,
        type: 'invalid_tool_call',
        ...(isNative ? extra : {}),
      })),
    }),
    additional_kwargs:
      raw.length === 0
        ? {}
        : {
            // Where LangChain keeps the text that a model wrote.
            tool_calls: raw.map((call) => ({
              id: call.id,
              type: 'function',
              ...(isRepeated && { index: fine.indexOf(call) }),
              function: { name: call.name, arguments: call.text ?? '' },
            })),
          },
  };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
