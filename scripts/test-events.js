// A reporter for `node --test FILE` that writes what happened as JSON lines, for scripts/test.ts. JavaScript, since node
// loads reporters before anything that strips types.
import { inspect } from 'node:util';

/**
 * @param {AsyncIterable<{ type: string, data: any }>} source
 * @returns {AsyncGenerator<string>} `TestEvent`s of test-summary.ts, a line each
 */
export default async function* testEvents(source) {
  for await (const { type, data } of source) {
    const event = eventOf(type, data);
    if (event !== undefined) yield `${JSON.stringify(event)}\n`;
  }
}

function eventOf(type, data) {
  switch (type) {
    case 'test:pass':
      return passed(data);
    case 'test:fail':
      return failed(data);
    case 'test:diagnostic':
      return diagnostic(data);
    case 'test:stdout':
    case 'test:stderr':
      return { type: 'output', text: data.message };
    default:
      return undefined;
  }
}

function passed({ name, file, skip }) {
  // A file in which node finds no tests counts as one itself, passed.
  if (name === file) return { type: 'test', name: 'the file', error: 'the file has no tests' };
  if (skip === undefined || skip === false) return undefined;
  return { type: 'test', name, skipped: typeof skip === 'string' ? skip : '' };
}

/** An error in a nested test is told once, at the innermost. */
function failed({ name, file, details: { error }, todo }) {
  const isTodo = todo !== undefined && todo !== false;
  if (isTodo || error.failureType === 'subtestsFailed') return undefined;
  const shown = inspect(error.cause instanceof Error ? error.cause : error);
  return { type: 'test', name: name === file ? 'the file' : name, error: shown };
}

/** `tests 12`, as node itself sums up a file at its end; what else it has to say, such as an error after the last test. */
function diagnostic({ nesting, message }) {
  const [, name, value] = /^(\w+) ([\d.]+)$/.exec(message) ?? [];
  if (nesting === 0 && name !== undefined) return { type: 'total', name, value: Number(value) };
  return { type: 'output', text: `${message}\n` };
}
