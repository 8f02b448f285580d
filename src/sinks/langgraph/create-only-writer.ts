import type { TargetServer } from './target-server.ts';
import type { ThreadToWrite, ThreadWriter, WrittenThread } from './thread-writer.ts';

/** Creates a thread that has no history. */
export class CreateOnlyWriter implements ThreadWriter {
  readonly #server: TargetServer;
  readonly #thread: ThreadToWrite;

  constructor(server: TargetServer, thread: ThreadToWrite) {
    this.#server = server;
    this.#thread = thread;
  }

  async add(): Promise<void> {}

  async finish(): Promise<WrittenThread> {
    const { threadId, metadata, existing } = this.#thread;
    const ifExists = existing === undefined ? 'raise' : 'append';
    const row = await this.#server.createEmpty({ threadId, metadata, ifExists });
    return { order: [], losses: new Map(), metadata: row.metadata ?? {} };
  }
}
