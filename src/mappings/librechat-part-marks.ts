import type { Json } from '../json.ts';
import type { DocumentReader } from '../models/document-reader.ts';
import type { FileList } from './librechat-file-list.ts';

/** What the mapping of parts needs from around them. */
export interface PartScope {
  readonly messageId: string;
  readonly conversationId: string | null;
  readonly files: FileList;
  /** Takes secrets out of values that are kept verbatim. */
  readonly clean: (value: Json, place: string) => Json;
}

export type PartExtra = { readonly [name: string]: Json };

/** What every part may carry: who said it, what stands beside it, and what is left of its document. */
export interface PartMarks {
  agentId?: string;
  groupId?: number | string;
  extra?: PartExtra;
}

/** Reads the marks of a part, then takes what is left: call it last. */
export function marksOf(reader: DocumentReader, scope: PartScope, more?: PartExtra): PartMarks {
  const marks: PartMarks = {};
  const agentId = reader.text('agentId');
  if (agentId !== undefined) marks.agentId = agentId;
  const groupId = reader.text('groupId') ?? reader.number('groupId');
  if (groupId !== undefined) marks.groupId = groupId;
  const rest = reader.rest();
  if (rest !== undefined || more !== undefined) marks.extra = scope.clean({ ...rest, ...more }, 'content') as PartExtra;
  return marks;
}
