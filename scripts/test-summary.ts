import { relative } from 'node:path';

/** What test-events.js tells of a test file's run. */
export type TestEvent =
  | {
      readonly type: 'test';
      readonly name: string;
      readonly skipped?: string;
      readonly error?: string;
    }
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'total'; readonly name: string; readonly value: number };

/** One test file's run. */
export interface FileRun {
  readonly file: string;
  readonly events: readonly TestEvent[];
  /** What the runner of the file printed besides. */
  readonly output: string;
  readonly seconds: number;
  /** The process's exit code, or the signal that ended it. */
  readonly ended: number | string;
}

/** The totals of node's own runner, in its order. */
const totalNames = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'];

/**
 * Prints a test run: a line a file as it ends, then what failed with its error and the file's output, what was skipped and
 * why, the servers used, and last the totals as node's own runner prints them.
 */
export class TestSummary {
  readonly #started = performance.now();
  readonly #totals = new Map<string, number>(totalNames.map((name) => [name, 0]));
  readonly #problems: string[] = [];
  readonly #skipped: string[] = [];
  readonly #write: (text: string) => void;

  constructor(write = (text: string): void => void process.stdout.write(text)) {
    this.#write = write;
  }

  take({ file, events, output, seconds, ended }: FileRun): void {
    const name = relative(process.cwd(), file);
    const counts = new Map<string, number>();
    const problems: string[] = [];
    let printed = output;
    for (const event of events) {
      if (event.type === 'total') counts.set(event.name, event.value);
      else if (event.type === 'output') printed += event.text;
      else if (event.error !== undefined) problems.push(`✖ ${event.name} (${name})\n${indented(event.error)}`);
      else if (event.skipped !== undefined) this.#skipped.push(`${event.name} (${name}): ${event.skipped}`);
    }
    const tests = counts.get('tests') ?? 0;
    if (problems.length === 0 && (ended !== 0 || tests === 0)) problems.push(`✖ ${name}\n    ended with ${ended}`);
    for (const total of totalNames) this.#totals.set(total, (this.#totals.get(total) ?? 0) + (counts.get(total) ?? 0));
    const skipped = counts.get('skipped') ?? 0;
    const details = [
      `${tests} tests`,
      problems.length > 0 ? `${problems.length} failed` : '',
      skipped > 0 ? `${skipped} skipped` : '',
      `${seconds.toFixed(1)} s`,
    ];
    this.#write(
      `${problems.length > 0 ? '✖' : '✔'} ${name}  ${details.filter((detail) => detail !== '').join(', ')}\n`,
    );
    if (problems.length > 0 && printed !== '') problems.push(`--- output of ${name}\n${printed}`);
    this.#problems.push(...problems);
  }

  /** Prints the rest; true when every file had tests and all of them passed. */
  finish(notes: readonly string[]): boolean {
    for (const problem of this.#problems) this.#write(`\n${problem}\n`);
    this.#write('\n');
    for (const line of new Set([...notes].sort())) this.#write(`${line}\n`);
    for (const line of this.#skipped) this.#write(`skipped: ${line}\n`);
    // The prefix of node's own reporters: `spec` on a terminal, `tap` elsewhere.
    const prefix = process.stdout.isTTY ? 'ℹ' : '#';
    for (const [name, value] of this.#totals) this.#write(`${prefix} ${name} ${value}\n`);
    this.#write(`${prefix} duration_ms ${(performance.now() - this.#started).toFixed(0)}\n`);
    const ran = (this.#totals.get('tests') ?? 0) > 0;
    if (!ran || this.#problems.length > 0) this.#write(ran ? 'FAILED\n' : 'FAILED: no tests were run\n');
    return ran && this.#problems.length === 0;
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}
