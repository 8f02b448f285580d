interface RunWarning {
  readonly stage: string;
  readonly message: string;
  times: number;
}

/** What the stages of a run have to say to people: each different text once, and how often it was said. */
export class RunWarnings {
  readonly #known = new Map<string, RunWarning>();
  readonly #tell: ((stage: string, message: string) => void) | undefined;

  /** @param tell Called for each different one, when it is said first. */
  constructor(tell: ((stage: string, message: string) => void) | undefined) {
    this.#tell = tell;
  }

  add(stage: string, message: string): void {
    const key = `${stage}\n${message}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.times += 1;
      return;
    }
    this.#known.set(key, { stage, message, times: 1 });
    this.#tell?.(stage, message);
  }

  get all(): readonly Readonly<RunWarning>[] {
    return [...this.#known.values()];
  }
}
