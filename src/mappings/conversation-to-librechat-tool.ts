import type { Json } from '../json.ts';
import type { ToolCallPart, ToolResultPart } from '../models/conversation-parts.ts';
import { documentOf } from '../models/extended-json.ts';
import { partMarks, splitExtra, type Fields } from './conversation-to-librechat-marks.ts';

/** A tool call and its result as the one part that LibreChat keeps, in the form it was stored in. */
export function toolCallPart(call: ToolCallPart | undefined, result: ToolResultPart | undefined): Json {
  const part = call ?? result;
  const { rest, inner } = splitExtra(part?.extra, 'tool_call');
  const id = call?.id ?? result?.callId ?? null;
  const type = call?.sourceType ?? 'tool_call';
  return {
    type: 'tool_call',
    tool_call: {
      ...(id !== null && { id }),
      ...callFields(type, call, result),
      type,
      progress: 1,
      ...documentOf(inner),
    } as Json,
    ...(part === undefined ? {} : partMarks(part)),
    ...rest,
  };
}

function callFields(type: string, call: ToolCallPart | undefined, result: ToolResultPart | undefined): Fields {
  const name = call?.name ?? result?.name ?? '';
  const input = call?.arguments ?? '';
  const output = result === undefined ? {} : { output: result.output };
  switch (type) {
    case 'tool_call':
      return { name, args: input, ...output };
    case 'function':
      return { function: { name, arguments: input, ...output } };
    case 'code_interpreter':
      return { code_interpreter: { input, ...(result !== undefined && { outputs: result.output }) } };
    default:
      return { ...(name !== type && { name }), [type]: input, ...output };
  }
}
