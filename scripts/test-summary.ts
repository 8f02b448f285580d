import { relative } from 'node:path';
import type { EventData } from 'node:test';
import { inspect } from 'node:util';

/** What `run()` of node:test gives. */
export interface TestEvent {
  readonly type: string;
  readonly data: unknown;
}

interface FileResult {
  tests: number;
  failed: number;
  skipped: number;
  output: string;
  /** What ended the file itself, such as an error while it was loaded. */
  error?: Error | undefined;
}

/**
 * Prints a test run: a line a file as it ends, then what failed with its error and the file's output, what was skipped and
 * why, the servers used, and last the totals as node's own runner prints them.
 */
export class TestSummary {
  readonly #files = new Map<string, FileResult>();
  readonly #failures: string[] = [];
  readonly #skipped: string[] = [];
  readonly #totals: string[] = [];
  #printed = 0;
  readonly #write: (text: string) => void;

  constructor(files: readonly string[], write = (text: string): void => void process.stdout.write(text)) {
    this.#write = write;
    for (const file of files) this.#files.set(file, { tests: 0, failed: 0, skipped: 0, output: '' });
  }

  take({ type, data }: TestEvent): void {
    if (type === 'test:complete') this.#complete(data as EventData.TestComplete);
    else if (type === 'test:stdout' || type === 'test:stderr') this.#output(data as EventData.TestStdout);
    else if (type === 'test:diagnostic') this.#diagnostic(data as EventData.TestDiagnostic);
  }

  /** Prints the rest; true when every file had tests and all of them passed. */
  finish(notes: readonly string[]): boolean {
    this.#printBefore(undefined);
    for (const failure of this.#failures) this.#write(`\n${failure}\n`);
    for (const [file, { failed, output }] of this.#files) {
      if (failed > 0 && output !== '') this.#write(`\n--- output of ${name(file)}\n${output}`);
    }
    this.#write('\n');
    for (const line of new Set([...notes].sort())) this.#write(`${line}\n`);
    for (const line of this.#skipped) this.#write(`skipped: ${line}\n`);
    // The prefix of node's own reporters: `spec` on a terminal, `tap` elsewhere.
    const prefix = process.stdout.isTTY ? 'ℹ' : '#';
    for (const total of this.#totals) this.#write(`${prefix} ${total}\n`);
    const tests = [...this.#files.values()].reduce((sum, result) => sum + result.tests, 0);
    if (tests === 0) this.#write('FAILED: no tests were run\n');
    else if (this.#failures.length > 0) this.#write(`FAILED: ${this.#failures.length}\n`);
    return tests > 0 && this.#failures.length === 0;
  }

  #complete(test: EventData.TestComplete): void {
    const file = test.file ?? '';
    const result = this.#files.get(file) ?? { tests: 0, failed: 0, skipped: 0, output: '' };
    this.#files.set(file, result);
    const { error } = test.details;
    // A file is reported as a test of its own name; this may come before its tests, which wait for the files before it.
    if (test.nesting === 0 && test.name === file) {
      result.error = error;
      return;
    }
    this.#printBefore(file);
    if (test.details.type !== 'suite') this.#testDone(test, file, result);
    else if (error !== undefined && !isSubtestsFailed(error)) this.#fail(result, `${name(file)}: ${test.name}`, error);
  }

  /** Tests come file by file: with the first of a file, those before it are done. */
  #printBefore(file: string | undefined): void {
    const files = [...this.#files];
    const until = file === undefined ? files.length : files.findIndex(([other]) => other === file);
    for (const [done, result] of files.slice(this.#printed, until)) this.#fileDone(done, result);
    this.#printed = Math.max(this.#printed, until);
  }

  #testDone(test: EventData.TestComplete, file: string, result: FileResult): void {
    const place = `${name(file)}:${test.line ?? 0}`;
    result.tests += 1;
    if (test.skip !== undefined && test.skip !== false) {
      result.skipped += 1;
      this.#skipped.push(`${test.name} (${place})${typeof test.skip === 'string' ? `: ${test.skip}` : ''}`);
    }
    const { error } = test.details;
    const isTodo = test.todo !== undefined && test.todo !== false;
    if (error !== undefined && !isTodo && !isSubtestsFailed(error))
      this.#fail(result, `${test.name} (${place})`, error);
  }

  #fileDone(file: string, result: FileResult): void {
    const { error } = result;
    if (error !== undefined && result.failed === 0) this.#fail(result, name(file), error);
    else if (result.tests === 0) this.#fail(result, name(file), 'the file has no tests');
    const { tests, failed, skipped } = result;
    const details = [`${tests} tests`, failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''];
    this.#write(`${failed > 0 ? '✖' : '✔'} ${name(file)}  ${details.filter((detail) => detail !== '').join(', ')}\n`);
  }

  #fail(result: FileResult, title: string, error: Error | string): void {
    result.failed += 1;
    const shown = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const text = typeof shown === 'string' ? shown : inspect(shown);
    this.#failures.push(`✖ ${title}\n${text.replace(/^/gm, '    ')}`);
  }

  #output({ file, message }: EventData.TestStdout): void {
    const result = this.#files.get(file);
    if (result !== undefined) result.output += message;
  }

  #diagnostic({ nesting, message, file }: EventData.TestDiagnostic): void {
    if (nesting === 0 && file === undefined) this.#totals.push(message);
  }
}

function isSubtestsFailed(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}

function name(file: string): string {
  return relative(process.cwd(), file);
}
