import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clockDriftMsMax, HybridClock, isTooFarAhead } from '../../src/record/hybrid-clock.ts';
import { clockAtMs, clockToMs } from '../../src/record/version.ts';

const nowMs = 1_767_225_600_000;

/** What happens to a clock: time steps either way, clocks are seen, clocks are made. */
const history = fc.array(
  fc.tuple(
    // Mostly within few milliseconds, so that several clocks are made in one.
    fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 2 }) }, fc.integer({ min: -700, max: 700 })),
    fc.option(fc.tuple(fc.integer({ min: -900, max: 900 }), fc.integer({ min: 0, max: 0xffff }))),
  ),
  { minLength: 1, maxLength: 60 },
);

describe('HybridClock', () => {
  it('makes only clocks greater than all it made or observed, and none beyond the limit', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const clock = new HybridClock();
        let greatest = -1n;
        for (const [offsetMs, seen] of steps) {
          const realtimeMs = nowMs + offsetMs;
          if (seen !== null) {
            const other = clockAtMs(realtimeMs + seen[0]) | BigInt(seen[1]);
            const isTaken = clock.observe(other, realtimeMs);
            assert.equal(isTaken, seen[0] <= clockDriftMsMax);
            if (isTaken && other > greatest) greatest = other;
          }
          const made = clock.next(realtimeMs);
          const earliest = clockAtMs(realtimeMs) > greatest ? clockAtMs(realtimeMs) : greatest + 1n;
          if (made === undefined) {
            assert.ok(clockToMs(earliest) > realtimeMs + clockDriftMsMax);
            continue;
          }
          assert.equal(made, earliest);
          assert.ok(clockToMs(made) <= realtimeMs + clockDriftMsMax);
          greatest = made;
        }
      }),
    );
  });

  it('merges a clock exactly at the limit and none a millisecond further', () => {
    const clock = new HybridClock();
    const limit = clockAtMs(nowMs + 500);
    assert.equal(clock.observe(clockAtMs(nowMs + 501), nowMs), false);
    assert.equal(clock.next(nowMs), clockAtMs(nowMs));
    assert.equal(clock.observe(limit, nowMs), true);
    assert.equal(clock.next(nowMs), limit + 1n);
  });

  it('makes two in one millisecond that differ', () => {
    const clock = new HybridClock();
    assert.equal(clock.next(nowMs), clockAtMs(nowMs));
    assert.equal(clock.next(nowMs), clockAtMs(nowMs) + 1n);
  });

  it('goes on in the next millisecond when the counter of one is used up', () => {
    const clock = new HybridClock();
    clock.observe(clockAtMs(nowMs) | 0xffffn, nowMs);
    assert.equal(clock.next(nowMs), clockAtMs(nowMs + 1));
  });

  it('makes nothing when the next would pass the limit, and goes on when time has', () => {
    const clock = new HybridClock();
    const last = clockAtMs(nowMs + 500) | 0xffffn;
    clock.observe(last, nowMs);
    assert.equal(clock.next(nowMs), undefined);
    assert.equal(clock.next(nowMs), undefined);
    assert.equal(clock.next(nowMs + 1), last + 1n);
  });

  it('follows the time of day when that is ahead', () => {
    const clock = new HybridClock();
    clock.next(nowMs);
    assert.equal(clock.next(nowMs + 10.7), clockAtMs(nowMs + 10));
  });
});

describe('isTooFarAhead', () => {
  it('begins after 500 ms, whatever the counter', () => {
    assert.equal(isTooFarAhead(clockAtMs(nowMs + 500) | 0xffffn, nowMs), false);
    assert.equal(isTooFarAhead(clockAtMs(nowMs + 501), nowMs), true);
  });
});
