import type { Dispatcher } from 'undici';

import type { BatchMemory } from '../formats/batch-memory.ts';
import { OpenRequests } from './open-requests.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** An answer: whole in `bytes`, or its beginning there and what follows in `rest`. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly rest?: AnswerRest | undefined;
  /** Nobody looks at `bytes` any more: the memory is used for other answers. May be left undone. */
  giveBack(): void;
}

/** What follows the beginning of a large answer: to be read, or given up. Whoever stops reading it early gives it up. */
export interface AnswerRest extends AsyncIterable<Uint8Array> {
  cancel(): void;
}

const none = Buffer.alloc(0);
/** Most bytes of an answer that says that something went wrong. */
const errorBytes = 4096;
/** Bytes of a streamed answer that wait for their reader before the server is held back. */
const highWater = 1024 * 1024;

/**
 * One request and its answer, in memory taken from `memory`. Of an answer longer than `bufferBytes` only so much is waited for.
 *
 * A `request()` of the client makes a stream for each answer, which costs more than all the rest of it; most answers come in
 * one piece, and need none.
 */
export function exchange(
  dispatcher: Dispatcher,
  memory: BatchMemory,
  request: Pick<Dispatcher.DispatchOptions, 'method' | 'path' | 'body'> & { readonly headers: Record<string, string> },
  {
    signal,
    bufferBytes = Number.POSITIVE_INFINITY,
  }: { readonly signal?: AbortSignal | undefined; readonly bufferBytes?: number | undefined },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(request, new AnswerHandler(resolve, reject, memory, bufferBytes, signal));
  });
}

class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #memory: BatchMemory;
  #bufferBytes: number;
  readonly #open: OpenRequests | undefined;
  #place = -1;
  #status = 0;
  #headers: Headers = {};
  /** Bytes that are said to come. */
  #expected = 0;
  #bytes: Buffer = none;
  #length = 0;
  #rest: Rest | undefined;

  constructor(
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
    memory: BatchMemory,
    bufferBytes: number,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#memory = memory;
    this.#bufferBytes = bufferBytes;
    this.#open = signal === undefined ? undefined : OpenRequests.of(signal);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#open !== undefined) this.#place = this.#open.add(controller);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
    if (status >= 300) this.#bufferBytes = Math.min(this.#bufferBytes, errorBytes);
    const said = Number(headers['content-length'] ?? 0);
    if (said <= this.#bufferBytes) this.#expected = said;
  }

  /** The piece's memory is the socket's, which writes into it again. */
  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#rest !== undefined) {
      this.#rest.push(Buffer.from(piece));
      return;
    }
    this.#append(piece);
    if (this.#length <= this.#bufferBytes) return;
    this.#rest = new Rest(controller);
    this.#answer(this.#rest);
  }

  onResponseEnd(): void {
    this.#forget();
    if (this.#rest === undefined) this.#answer(undefined);
    else this.#rest.end(undefined);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#forget();
    if (this.#rest === undefined) this.#reject(error);
    else this.#rest.end(error);
  }

  #append(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const before = this.#bytes;
      this.#bytes = this.#memory.take(Math.max(length, this.#expected, 2 * this.#length));
      before.copy(this.#bytes, 0, 0, this.#length);
      this.#memory.giveBack(before);
    }
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  #answer(rest: Rest | undefined): void {
    const memory = this.#bytes;
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      bytes: memory.subarray(0, this.#length),
      rest,
      giveBack: () => this.#memory.giveBack(memory),
    });
  }

  #forget(): void {
    if (this.#place >= 0) this.#open?.remove(this.#place);
    this.#place = -1;
  }
}

class Rest implements AnswerRest {
  readonly #controller: Dispatcher.DispatchController;
  #chunks: Buffer[] = [];
  #length = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length > highWater) this.#controller.pause();
    this.#wake?.();
  }

  end(error: Error | undefined): void {
    this.#end = { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunks = this.#chunks;
        this.#chunks = [];
        this.#length = 0;
        yield* chunks;
        if (this.#chunks.length > 0) continue;
        if (this.#end?.error !== undefined) throw this.#end.error;
        if (this.#end !== undefined) return;
        const more = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#controller.resume();
        await more;
      }
    } finally {
      this.cancel();
    }
  }

  cancel(): void {
    if (this.#end === undefined) this.#controller.abort(new Error('nobody reads the rest of the answer'));
  }
}
