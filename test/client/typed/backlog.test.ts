/** When a node has too much before it for one more call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backlog } from '../../../src/client/typed/backlog.ts';

/** A node that answers 10 calls every 10 ms, each after the same wait, while so many are pending. */
function answering(backlog: Backlog, waitedMs: number, pending: number, fromMs = 0, forMs = 1_000) {
  for (let ms = fromMs; ms < fromMs + forMs; ms += 10) backlog.answered(10, waitedMs, pending, ms);
}

/** The same that was quick before. */
function late(waitedMs = 800, pending = 800): Backlog {
  const backlog = new Backlog(2);
  answering(backlog, waitedMs, pending);
  return backlog;
}

describe('a backlog', () => {
  it('is too long for a call when it takes more than half of its time', () => {
    const backlog = late();
    assert.equal(Math.round(backlog.waitMs(1_000)), 1_000);
    assert.deepEqual(
      [900, 1_100].map((pending) => backlog.isTooLongFor(2_000, pending)),
      [false, true],
    );
    assert.deepEqual(
      [500, 1_000, 1_700].map((withinMs) => backlog.isTooLongFor(withinMs, 800)),
      [true, true, false],
    );
  });

  it('is none while answers come early, however much was just added', () => {
    assert.equal(late(400).isTooLongFor(2_000, 60_000), false);
  });

  it('is none where only the way is long', () => {
    const backlog = new Backlog(600);
    answering(backlog, 610, 610);
    assert.equal(backlog.isTooLongFor(2_000, 10_000), false);
    answering(backlog, 1_200, 1_200, 1_000);
    assert.equal(backlog.isTooLongFor(2_000, 10_000), true);
  });

  it('is none of a few calls, and is forgotten when it is done', () => {
    assert.equal(late().isTooLongFor(20, 15), false);
    const done = late();
    done.answered(10, 900, 15, 1_000);
    assert.equal(done.isTooLongFor(2_000, 60_000), false);
    const idle = late();
    idle.clear();
    assert.deepEqual([idle.isTooLongFor(2_000, 60_000), idle.waitMs(60_000)], [false, 0]);
  });

  it('follows a node that becomes slower or faster within a second', () => {
    for (const perTenMs of [2, 40]) {
      const backlog = late();
      for (let ms = 1_000; ms < 2_000; ms += 10) backlog.answered(perTenMs, 800, 800, ms);
      const waitMs = backlog.waitMs(1_000);
      const trueMs = 10_000 / perTenMs;
      assert.ok(Math.abs(Math.log(waitMs / trueMs)) < Math.log(2), `${waitMs}, not ${trueMs} ms`);
    }
  });

  it('is known by those that gave up, where all answers come too late', () => {
    const backlog = new Backlog(2);
    for (let ms = 0; ms < 500; ms += 10) {
      backlog.givenUp(100);
      backlog.answered(10, undefined, 1_000, ms);
    }
    assert.deepEqual(
      [20, 90].map((pending) => backlog.isTooLongFor(100, pending)),
      [false, true],
    );
    assert.equal(backlog.isTooLongFor(1_000, 10_000), false, 'a patient one was not met yet');
  });

  it('is not taken for endless after one silence', () => {
    const backlog = late();
    backlog.answered(10, 800, 800, 3_000);
    assert.ok(backlog.waitMs(1_000) < 1_500, `${backlog.waitMs(1_000)} ms`);
  });
});
