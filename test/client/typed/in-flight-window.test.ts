/** How many calls a node gets at once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InFlightWindow } from '../../../src/client/typed/in-flight-window.ts';

/** A node that takes so long for answers, for a while, in steps of 10 ms. */
function answering(window: InFlightWindow, ms: number, fromMs: number, forMs: number): void {
  for (let atMs = fromMs; atMs < fromMs + forMs; atMs += 10) window.answered(ms, atMs);
}

describe('the window of a pipeline', () => {
  it('is the largest at first, and while answers come soon', () => {
    const window = new InFlightWindow();
    const largest = window.size;
    answering(window, 200, 0, 5_000);
    assert.equal(window.size, largest);
  });

  it('closes while a node answers late, not altogether, and opens again', () => {
    const window = new InFlightWindow();
    const largest = window.size;
    answering(window, 20, 0, 100);
    answering(window, 900, 100, 1_000);
    assert.ok(window.size < largest / 2, `${window.size}`);
    answering(window, 900, 1_100, 10_000);
    assert.equal(window.size, 512);
    answering(window, 20, 11_100, 3_000);
    assert.equal(window.size, largest);
  });

  it('is not smaller for a node that is far away', () => {
    const window = new InFlightWindow();
    answering(window, 700, 0, 5_000);
    assert.equal(window.size, new InFlightWindow().size);
  });

  it('is right for a node that does so many calls a second, whatever that is', () => {
    for (const perMs of [2.5, 4, 6]) {
      const window = new InFlightWindow();
      window.answered(5, 0);
      // As many as it may have are before it.
      for (let atMs = 10; atMs < 10_000; atMs += 10) window.answered(window.size / perMs, atMs);
      const waitMs = window.size / perMs;
      assert.ok(waitMs > 120 && waitMs < 400, `${window.size} calls, ${waitMs} ms`);
    }
  });
});
