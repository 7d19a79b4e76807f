import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadPatience } from '../../src/coordinator/read-patience.ts';
import { SeededRandom } from '../support/simulated-time.ts';

/** Learns 1,000 answers, then says what part of 1,000 more would have been too slow. */
function partTooSlow(answerMs: () => number): number {
  const patience = new ReadPatience();
  for (let answer = 0; answer < 1_000; answer++) patience.answered(answerMs());
  let slow = 0;
  for (let answer = 0; answer < 1_000; answer++) {
    const ms = answerMs();
    if (ms > patience.ms) slow++;
    patience.answered(ms);
  }
  return slow / 1_000;
}

describe('the patience of reads', () => {
  it('is 50 ms before anything is learned', () => {
    assert.equal(new ReadPatience().ms, 50);
  });

  it('is 5 ms at least, where answers take less, and 50 at most', () => {
    const [quick, slow] = [new ReadPatience(), new ReadPatience()];
    for (let answer = 0; answer < 100; answer++) {
      quick.answered(0.3);
      slow.answered(1_900);
    }
    assert.deepEqual([quick.ms, slow.ms], [5, 50]);
  });

  it('lets few reads ask once more, however long answers take in general', () => {
    const random = new SeededRandom(7);
    for (const meanMs of [3, 8, 14]) {
      const part = partTooSlow(() => -Math.log(1 - random.fraction()) * meanMs);
      assert.ok(part < 0.08, `${part} at ${meanMs} ms`);
      assert.ok(partTooSlow(() => meanMs * (0.5 + random.fraction())) < 0.01);
    }
  });

  it('follows within some tens of answers, both ways', () => {
    const patience = new ReadPatience();
    const learn = (ms: number, answers: number) => {
      for (let answer = 0; answer < answers; answer++) patience.answered(ms);
    };
    learn(1, 50);
    learn(20, 30);
    assert.ok(patience.ms > 20, `${patience.ms}`);
    learn(1, 60);
    assert.ok(patience.ms < 8, `${patience.ms}`);
  });
});
