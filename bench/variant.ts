/** What one run of a variant did. */
export interface Work {
  readonly records?: number;
  /** Bytes of input, for MB/s (1 MB is 1e6 bytes). */
  readonly bytes?: number;
  /** Digest or count of what came out, made after the clock was stopped: the variants' must be equal. */
  readonly output?: string | (() => string | Promise<string>);
}

/** One way to do the work. It runs alone in a process of its own, and may write into `folder`, which is removed after it. */
export interface Variant {
  readonly name: string;
  /** Before the clock starts: load, open, prepare. */
  prepare?(folder: string): Promise<void> | void;
  run(folder: string): Promise<Work> | Work;
  /** What `output` is compared with; variants that give something else on purpose name another. Default: one for all. */
  readonly outputLike?: string;
  /** What it has to reach; a miss is told and makes the bench fail. */
  readonly target?: Target;
}

export interface Target {
  /** At least this many times the base's speed, in wall time. */
  readonly ratio?: number;
  readonly recordsPerSecond?: number;
  /** At most this much at the peak, in MB. */
  readonly peakMegabytes?: number;
  /** At least and at most this share of the base's peak. */
  readonly peakOfBase?: readonly [number, number];
}

export interface Bench {
  /** The question, as a title. */
  readonly question: string;
  /** Name of the variant the ratios refer to. */
  readonly base: string;
  /** Default 5. */
  readonly rounds?: number;
  /** Makes the data, in the parent, before anything is run. */
  data?(): Promise<unknown>;
  readonly variants: readonly Variant[];
}

/** One measurement: a variant in one round. */
export interface Reading {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Largest resident size of the process, the loader that strips the types included. MB. */
  readonly peakMegabytes: number;
  readonly records: number;
  readonly bytes: number;
  readonly output: string;
}
