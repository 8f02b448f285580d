import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Dispatcher } from 'undici';

import { OpenRequests } from '../../src/connections/open-requests.ts';

function request(): { readonly controller: Dispatcher.DispatchController; readonly reasons: Error[] } {
  const reasons: Error[] = [];
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (reason) => reasons.push(reason),
    pause: () => undefined,
    resume: () => undefined,
  };
  return { controller, reasons };
}

describe('the requests that a signal ends', () => {
  test('end with its reason; those that are over do not, and those that begin later do at once', () => {
    const stopping = new AbortController();
    const open = OpenRequests.of(stopping.signal);
    assert.equal(OpenRequests.of(stopping.signal), open);
    assert.notEqual(OpenRequests.of(new AbortController().signal), open);
    const [first, second, third, late] = [request(), request(), request(), request()];
    open.remove(open.add(first.controller));
    const places = [open.add(second.controller), open.add(third.controller)];
    assert.equal(new Set(places).size, 2);
    const reason = new Error('stopped');
    stopping.abort(reason);
    open.add(late.controller);
    assert.deepEqual(
      [first, second, third, late].map(({ reasons }) => reasons),
      [[], [reason], [reason], [reason]],
    );
  });
});
