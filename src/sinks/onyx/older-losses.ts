import type { OnyxChat } from '../../models/onyx.ts';
import type { OnyxDatabase } from './generation.ts';

/** What tables of an older generation have no place for: a kind for each thing. Nothing since v2.6.0. */
export function olderLosses({ messages, project }: OnyxChat, { generation, has }: OnyxDatabase): string[] {
  if (generation === 'C') return [];
  const kinds: string[] = generation === 'A' && project !== null ? ['project (Onyx before v1.10)'] : [];
  for (const { reasoning, toolCalls } of messages) {
    if (reasoning !== null) kinds.push('thought (Onyx before v2.6)');
    for (const [place, call] of toolCalls.entries()) {
      if (place > 0 || !has('tool', 'name')) kinds.push('tool call (Onyx before v2.6)');
      else if (call.reasoning !== null) kinds.push('thought (Onyx before v2.6)');
    }
  }
  return kinds;
}
