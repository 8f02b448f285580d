import type { Dispatcher } from 'undici';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** An answer: whole in `bytes`, or its beginning there and what follows in `rest`. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly rest?: AnswerRest | undefined;
}

/** What follows the beginning of a large answer: to be read, or given up. Whoever stops reading it early gives it up. */
export interface AnswerRest extends AsyncIterable<Uint8Array> {
  cancel(): void;
}

/** Most bytes of an answer that says that something went wrong. */
const errorBytes = 4096;
/** Bytes of a streamed answer that wait for their reader before the server is held back. */
const highWater = 1024 * 1024;

/**
 * One request and its answer. Of an answer longer than `bufferBytes` only so much is waited for.
 *
 * A `request()` of the client makes a stream for each answer, which costs more than all the rest of it; most answers come in
 * one piece, and need none.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Pick<Dispatcher.DispatchOptions, 'method' | 'path' | 'body'> & { readonly headers: Record<string, string> },
  {
    signal,
    bufferBytes = Number.POSITIVE_INFINITY,
  }: { readonly signal?: AbortSignal | undefined; readonly bufferBytes?: number | undefined },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(request, new AnswerHandler(resolve, reject, bufferBytes, signal));
  });
}

class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  #bufferBytes: number;
  readonly #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #length = 0;
  #rest: Rest | undefined;

  constructor(
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
    bufferBytes: number,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#bufferBytes = bufferBytes;
    this.#signal = signal;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    // What is aborted with is the caller's word for it.
    this.#abort = () => controller.abort(signal.reason as Error);
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
    if (status >= 300) this.#bufferBytes = Math.min(this.#bufferBytes, errorBytes);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#rest !== undefined) {
      this.#rest.push(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
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

  #answer(rest: Rest | undefined): void {
    const [first = Buffer.alloc(0)] = this.#chunks;
    const bytes = this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#length) : first;
    this.#chunks = [];
    this.#resolve({ status: this.#status, headers: this.#headers, bytes, rest });
  }

  #forget(): void {
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort);
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
