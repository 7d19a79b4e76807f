/** The order of a benchmark, and what its samples add up to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readInFlights } from '../../../src/cli/bench/bench-flags.ts';
import { benchKeys } from '../../../src/cli/bench/bench-load.ts';
import {
  benchOperations,
  median,
  ownOperations,
  type PhaseSample,
  percentile,
  planBench,
  summarizeBench,
} from '../../../src/cli/bench/bench-plan.ts';

function sample(callsPerSecond: number, latencyMs = 1, errors = 0): PhaseSample {
  const latenciesMs = Float64Array.of(latencyMs, latencyMs * 3, latencyMs * 2);
  return { calls: callsPerSecond * 2 + errors, errors, elapsedMs: 2_000, latenciesMs };
}

describe('a benchmark', () => {
  it('measures the echo and every operation in each round, one after the other', () => {
    const phases = planBench(2, [1, 16], benchOperations);
    assert.equal(phases.length, 2 * 2 * benchOperations.length);
    assert.deepEqual(phases[0], { round: 1, operation: 'echo', inFlight: 1 });
    assert.deepEqual(phases[5], { round: 1, operation: 'echo', inFlight: 16 });
    assert.deepEqual(phases[10], { round: 2, operation: 'echo', inFlight: 1 });
  });

  it('divides within a round and reports medians over the rounds', () => {
    const phases = planBench(3, [16], benchOperations);
    // A machine that is half as fast in the second round and twice as fast in the third.
    const samples = [1, 0.5, 2].flatMap((speed) =>
      benchOperations.map((name) => sample((name === 'echo' ? 1_000 : 600) * speed, 1 / speed)),
    );
    const [echo, get] = summarizeBench(phases, samples);
    assert.equal(echo?.ratioToEcho, 1);
    assert.equal(get?.callsPerSecond, 600);
    assert.equal(get?.ratioToEcho, 0.6);
    assert.equal(get?.p50Ms, 2);
    assert.equal(get?.p99Ms, 3);
  });

  it('compares what is on disk with the same in memory, measured just before', () => {
    const phases = planBench(1, [16], ownOperations);
    const names = phases.map(({ operation }) => operation);
    assert.deepEqual(names.slice(-2), ['put QUORUM', 'put QUORUM, on disk']);
    const samples = names.map((name) => sample(name.endsWith('on disk') ? 300 : 400));
    const results = summarizeBench(phases, samples);
    assert.equal(
      results.find(({ operation }) => operation === 'put ONE')?.ratioToMemory,
      undefined,
    );
    assert.equal(results.at(-1)?.ratioToMemory, 0.75);
  });

  it('counts failures, and not as calls', () => {
    const samples = benchOperations.map(() => sample(100, 1, 7));
    const [echo] = summarizeBench(planBench(1, [1], benchOperations), samples);
    assert.deepEqual([echo?.callsPerSecond, echo?.errors], [100, 7]);
  });

  it('sums up what there is when it was interrupted', () => {
    assert.equal(
      summarizeBench(planBench(3, [1], benchOperations), [sample(10), sample(5)]).length,
      2,
    );
    assert.deepEqual(summarizeBench(planBench(3, [1], benchOperations), []), []);
  });

  it('takes percentiles by rank and medians of even numbers in the middle', () => {
    assert.equal(percentile(Float64Array.of(1, 2, 3, 4), 0.5), 2);
    assert.equal(percentile(Float64Array.of(1, 2, 3, 4), 0.99), 4);
    assert.ok(Number.isNaN(percentile(Float64Array.of(), 0.5)));
    assert.equal(median([4, 1, 3, 2]), 2.5);
  });

  it('uses different keys, whose first bytes go round the ring', () => {
    const keys = benchKeys(512);
    assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, 512);
    assert.equal(new Set(keys.slice(0, 256).map((key) => key[0])).size, 256);
  });

  it('reads numbers in flight, and refuses what has no end', () => {
    assert.deepEqual(readInFlights('1,16,16'), [1, 16]);
    for (const bad of ['', '0', '1,', '257', '-1', '1;2', '1,2,3,4,5,6,7,8,9']) {
      assert.throws(() => readInFlights(bad), /--in-flight/);
    }
  });
});
