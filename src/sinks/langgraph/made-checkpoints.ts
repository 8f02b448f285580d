import { EtlError } from '../../errors.ts';
import type { TargetServer } from './target-server.ts';

/** The checkpoints of one thread on the target, in the order in which they were made. */
export class MadeCheckpoints {
  /** The source's ids, or nothing for a checkpoint of our own. */
  readonly order: (string | undefined)[] = [];
  readonly #server: TargetServer;
  readonly #threadId: string;
  /** Source id → target id, as far as it is known. */
  readonly #ids = new Map<string, string>();

  constructor(server: TargetServer, threadId: string) {
    this.#server = server;
    this.#threadId = threadId;
  }

  /** One more: the source's id, or nothing for one of our own; and the target's, where it is known. */
  add(id: string | undefined, targetId?: string): void {
    this.order.push(id);
    if (id !== undefined && targetId !== undefined) this.#ids.set(id, targetId);
  }

  /** The target's id of a checkpoint of the source; the same one when it was not made. */
  async targetId(sourceId: string): Promise<string> {
    const known = this.#ids.get(sourceId);
    if (known !== undefined) return known;
    await this.#learn();
    return this.#ids.get(sourceId) ?? sourceId;
  }

  /** Reads the ids of the checkpoints that were made: they lie in the order in which they were. */
  async #learn(): Promise<void> {
    if (this.order.every((id) => id === undefined || this.#ids.has(id))) return;
    const ids: string[] = [];
    for await (const page of this.#server.history.pages(this.#threadId))
      for (const { checkpoint } of page) ids.push(checkpoint.checkpoint_id);
    ids.reverse();
    if (ids.length !== this.order.length) {
      throw new EtlError(
        'ETL_REQUEST_FAILED',
        `${this.order.length} checkpoints were written, and the target has ${ids.length}`,
        { where: { file: this.#server.where, record: this.#threadId } },
      );
    }
    for (const [index, sourceId] of this.order.entries()) {
      const id = ids[index];
      if (sourceId !== undefined && id !== undefined) this.#ids.set(sourceId, id);
    }
  }
}
