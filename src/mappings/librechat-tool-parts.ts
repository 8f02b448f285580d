import type { Json } from '../json.ts';
import type { Part, ToolCallPart, ToolResultPart } from '../models/conversation-parts.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { documentOf, type Document } from '../models/extended-json.ts';
import { marksOf, type PartScope } from './librechat-part-marks.ts';

/**
 * A tool call of LibreChat, which keeps call and output in one part, as a call and, when there is one, its result after it.
 *
 * Four forms have been stored: agents (`name`, `args`, `output`), assistants' functions, the code interpreter, and built-in
 * searches. `auth` is a link that signs its reader in: it never goes on.
 */
export function librechatToolParts(reader: DocumentReader, scope: PartScope): Part[] {
  const document = documentOf(reader.document['tool_call']);
  if (document === undefined)
    return [{ type: 'other', sourceType: 'tool_call', value: scope.clean(reader.document as Json, 'content') }];
  reader.mark('tool_call');
  const call = new DocumentReader(document);
  const { id, name, input, output, sourceType } = readCall(call);
  if (call.value('progress') !== 1) call.mark('progress', false);
  const rest = call.rest();
  const marks = marksOf(reader, scope, rest && { tool_call: rest });
  const from = sourceType === undefined ? {} : { sourceType };
  const callPart: ToolCallPart = { type: 'toolCall', id, name, arguments: input, ...from, ...marks };
  if (output === undefined) return [callPart];
  const { agentId, groupId } = marks;
  const resultPart: ToolResultPart = {
    type: 'toolResult',
    callId: id,
    name,
    output,
    ...(agentId !== undefined && { agentId }),
    ...(groupId !== undefined && { groupId }),
  };
  return [callPart, resultPart];
}

interface Call {
  readonly id: string | null;
  readonly name: string;
  readonly input: Json;
  readonly output: Json | undefined;
  readonly sourceType?: string;
}

function readCall(call: DocumentReader): Call {
  const id = call.id('id') ?? null;
  const type = call.text('type') ?? 'tool_call';
  const nested = documentOf(call.document[type]);
  switch (type) {
    case 'function':
      return { id, sourceType: type, ...readFunction(call, nested ?? {}) };
    case 'code_interpreter':
      return { id, sourceType: type, ...readInterpreter(call, nested ?? {}) };
    case 'tool_call': {
      const input = call.value('args') ?? '';
      return { id, name: call.text('name') ?? '', input, output: call.value('output') };
    }
    default: {
      call.mark(type);
      return {
        id,
        sourceType: type,
        name: call.text('name') ?? type,
        input: call.document[type] ?? {},
        output: call.value('output'),
      };
    }
  }
}

function readFunction(call: DocumentReader, document: Document): Omit<Call, 'id' | 'sourceType'> {
  const nested = new DocumentReader(document);
  const result = {
    name: nested.text('name') ?? 'function',
    input: nested.value('arguments') ?? '',
    output: nested.value('output'),
  };
  // Members nobody knows keep the whole of it with the call.
  call.mark('function', nested.rest() === undefined);
  return result;
}

function readInterpreter(call: DocumentReader, document: Document): Omit<Call, 'id' | 'sourceType'> {
  const nested = new DocumentReader(document);
  const result = { name: 'code_interpreter', input: nested.value('input') ?? '', output: nested.value('outputs') };
  call.mark('code_interpreter', nested.rest() === undefined);
  return result;
}
