import { EtlError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import { markedConversation, THREAD_MARK } from '../../mappings/thread-to-conversation-mark.ts';
import type { TargetServer } from './target-server.ts';

type Metadata = Readonly<Record<string, unknown>> | null | undefined;

/** Whether a thread was made of a conversation: then its metadata say of which. */
export function isOfConversation(metadata: Metadata): boolean {
  return keyOf(metadata) !== undefined;
}

/**
 * Looks whether the thread on the target is of the same conversation as the one that is to be written: two people may have
 * conversations with one id, and the thread of one is never skipped, continued or replaced by the other's.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` when it is another one's.
 */
export async function refuseOther(threadId: string, metadata: Metadata, server: TargetServer): Promise<void> {
  const there = keyOf((await server.row(threadId))?.metadata);
  const ours = keyOf(metadata);
  if (there === undefined || there === ours) return;
  throw new EtlError(
    'ETL_RECORD_INVALID',
    'the thread of this id on the target is another conversation, of its own owner',
    {
      where: { file: server.where, record: threadId },
      hint: 'Give each conversation a thread id of its own: `threadIds: unique` of `conversations-to-threads`.',
    },
  );
}

function keyOf(metadata: Metadata): string | undefined {
  // What comes over the wire is JSON.
  return markedConversation(metadata?.[THREAD_MARK] as Json | undefined)?.fields.key;
}
