/** The order of a benchmark, and what its samples add up to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBenchTable } from '../../../src/cli/bench/bench-output.ts';
import {
  type BenchIntensity,
  benchOperations,
  paceOf,
  planBench,
} from '../../../src/cli/bench/bench-plan.ts';
import {
  closedPeak,
  type PhaseSample,
  summarizeBench,
} from '../../../src/cli/bench/bench-summary.ts';
import { median, medianOf } from '../../../src/cli/bench/median.ts';

const operations = benchOperations({
  levels: ['ONE', 'QUORUM'],
  readShare: undefined,
  places: ['memory', 'disk'],
  echo: true,
});
const [one, sixteen]: readonly BenchIntensity[] = [
  { kind: 'closed', inFlight: 1 },
  { kind: 'closed', inFlight: 16 },
];

function sample(perSecond: number, latencyMs = 1, errors: Record<string, number> = {}) {
  const figures: PhaseSample = {
    perSecondAsked: undefined,
    answers: perSecond * 2,
    wrong: 0,
    errors,
    unsent: 0,
    elapsedMs: 2_000,
    p50Ms: latencyMs,
    p99Ms: latencyMs * 3,
    p999Ms: latencyMs * 4,
    refusalP99Ms: Number.NaN,
    clientCpuMs: 100,
    nodeCpuMs: undefined,
    nodeBytesMax: undefined,
    nodeOwnBytes: undefined,
    kill: undefined,
  };
  return figures;
}

describe('the plan of a benchmark', () => {
  it('measures the echo and every operation in each round, what is on disk after the same in memory', () => {
    const phases = planBench(2, [one, sixteen] as BenchIntensity[], operations);
    assert.equal(phases.length, 2 * 2 * operations.length);
    assert.deepEqual(
      phases.slice(0, operations.length).map(({ operation }) => operation.name),
      [
        ...['echo', 'get ONE', 'get ONE, on disk', 'get QUORUM', 'get QUORUM, on disk'],
        ...['put ONE', 'put ONE, on disk', 'put QUORUM', 'put QUORUM, on disk'],
      ],
    );
    assert.equal(phases[operations.length]?.intensity, sixteen);
    assert.equal(phases[2 * operations.length]?.round, 2);
  });

  it('mixes gets and puts when it is told their shares', () => {
    const scope = { levels: ['ALL'], readShare: 0.8, places: ['running'] } as const;
    const namesOf = (echo: boolean) => benchOperations({ ...scope, echo }).map(({ name }) => name);
    assert.deepEqual(namesOf(true), ['echo', '80% get ALL']);
    assert.deepEqual(namesOf(false), ['80% get ALL']);
  });
});

describe('the result of a benchmark', () => {
  const plan = (rounds: number) => planBench(rounds, [sixteen] as BenchIntensity[], operations);

  it('divides within a round and reports medians over the rounds', () => {
    // A machine that is half as fast in the second round and twice as fast in the third.
    const samples = [1, 0.5, 2].flatMap((speed) =>
      operations.map(({ kind }) =>
        sample((kind === 'echo' ? 1_000 : 600) * speed, (kind === 'echo' ? 1 : 2) / speed),
      ),
    );
    const [echo, get] = summarizeBench(plan(3), samples);
    assert.deepEqual([echo?.ratioToEcho, echo?.callsPerSecond, echo?.inFlight], [1, 1_000, 16]);
    assert.deepEqual([get?.ratioToEcho, get?.callsPerSecond], [0.6, 600]);
    assert.deepEqual([get?.p50Ms, get?.p99Ms, get?.p99RatioToEcho], [2, 6, 2]);
  });

  it('compares with no echo where none was measured', () => {
    const scope = { levels: ['ALL'], readShare: 0.8, places: ['running'], echo: false } as const;
    const phases = planBench(1, [sixteen] as BenchIntensity[], benchOperations(scope));
    const results = summarizeBench(phases, [sample(100)]);
    assert.deepEqual([results[0]?.ratioToEcho, results[0]?.p99RatioToEcho], [undefined, undefined]);
    assert.doesNotMatch(formatBenchTable(results), /of echo/);
  });

  it('shows what failed by its codes, the most frequent first, and how soon it was refused', () => {
    const failed = { ...sample(100, 1, { READ_TIMEOUT: 4, OVERLOADED: 3_000 }), refusalP99Ms: 12 };
    const phases = planBench(1, [{ kind: 'open', perSecond: 5 }], operations);
    const table = formatBenchTable(summarizeBench(phases, [failed]));
    assert.match(table, /refused p99 +by code/);
    assert.match(table, /12\.00 +OVERLOADED 3,000, READ_TIMEOUT 4/);
    assert.doesNotMatch(formatBenchTable(summarizeBench(phases, [sample(1)])), /by code|refused/);
  });

  it('asks for a part of what closed loops did at most in the same round, and compares with that', () => {
    const [, get] = operations;
    assert.ok(get !== undefined);
    const share = { kind: 'share', ofClosed: 1.5 } as const;
    const phases = planBench(2, [one, sixteen, share] as BenchIntensity[], [get]);
    const samples: PhaseSample[] = [];
    for (const [index, rate] of [100, 400, 380, 50, 200, 190].entries()) {
      const phase = phases[index];
      assert.ok(phase !== undefined);
      const pace = paceOf(phase.intensity, closedPeak(phases, samples, phase));
      const perSecondAsked = pace.kind === 'open' ? pace.perSecond : undefined;
      samples.push({ ...sample(rate), perSecondAsked });
    }
    assert.deepEqual([samples[2]?.perSecondAsked, samples[5]?.perSecondAsked], [600, 300]);
    const results = summarizeBench(phases, samples);
    assert.deepEqual(
      results.map(({ perSecondAsked, ratioToClosed }) => [perSecondAsked, ratioToClosed]),
      [
        [undefined, undefined],
        [undefined, undefined],
        [450, 0.95],
      ],
    );
  });

  it('compares what is on disk with the same in memory, in the same round', () => {
    const samples = operations.map(({ name }) => sample(name.endsWith('on disk') ? 300 : 400));
    const results = summarizeBench(plan(1), samples);
    assert.equal(results.find((row) => row.operation === 'put ONE')?.ratioToMemory, undefined);
    assert.equal(results.at(-1)?.ratioToMemory, 0.75);
  });

  it('counts failures of all rounds by their codes, and not as calls', () => {
    const samples = [...operations, ...operations].map(() =>
      sample(100, 1, { OVERLOADED: 3, READ_TIMEOUT: 4 }),
    );
    const [echo] = summarizeBench(plan(2), samples);
    assert.deepEqual([echo?.callsPerSecond, echo?.errors], [100, 14]);
    assert.deepEqual(echo?.errorsByCode, { OVERLOADED: 6, READ_TIMEOUT: 8 });
  });

  it('sums up what there is when it was interrupted', () => {
    assert.equal(summarizeBench(plan(3), [sample(10), sample(5)]).length, 2);
    assert.deepEqual(summarizeBench(plan(3), []), []);
  });

  it('takes medians of even numbers in the middle, and of those that there are', () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(medianOf([undefined, Number.NaN, 3]), 3);
    assert.equal(medianOf([undefined]), undefined);
  });
});
