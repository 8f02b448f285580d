import type { ExternalGroup } from '../spill/external-group.ts';
import { encodeKey } from '../spill/key-bytes.ts';
import { awaitedTag } from './joined-group.ts';
import type { MessagePlace } from './librechat-input.ts';

const mostChats = 5000;

/**
 * Counts the messages that chats wait for: those of a chat come close together, so that few entries are made of many. At
 * most 5000 counts are held.
 */
export class AwaitedMessages {
  readonly #chats: ExternalGroup;
  #counts = new Map<string, Map<string, number>>();
  #size = 0;

  constructor(chats: ExternalGroup) {
    this.#chats = chats;
  }

  async add(places: readonly MessagePlace[]): Promise<void> {
    for (const { userId, conversationId } of places) {
      const own = this.#counts.get(userId) ?? new Map<string, number>();
      this.#counts.set(userId, own);
      const count = own.get(conversationId) ?? 0;
      own.set(conversationId, count + 1);
      if (count === 0) this.#size += 1;
    }
    if (this.#size >= mostChats) await this.flush();
  }

  /** Puts the counts to the chats. */
  async flush(): Promise<void> {
    for (const [userId, own] of this.#counts) {
      for (const [conversationId, count] of own) {
        const bytes = Buffer.allocUnsafe(4);
        bytes.writeUInt32LE(count);
        if (this.#chats.add(encodeKey([userId, conversationId]), bytes, awaitedTag)) await this.#chats.spill();
      }
    }
    this.#counts = new Map();
    this.#size = 0;
  }
}
