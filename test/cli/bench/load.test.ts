/** How load is made and measured: in virtual time, against clients that take as long as told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import { killThroughput, medianKill } from '../../../src/cli/bench/kill-figures.ts';
import { benchKey, chooseKeys } from '../../../src/cli/bench/load/key-choice.ts';
import { LatencyHistogram } from '../../../src/cli/bench/load/latency-histogram.ts';
import type { Load, LoadClient, Pace } from '../../../src/cli/bench/load/load.ts';
import { LoadRun } from '../../../src/cli/bench/load/load-run.ts';
import { shareOut, sumOf } from '../../../src/cli/bench/load/load-threads.ts';
import { parseUsage } from '../../../src/cli/bench/node-usage.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../../support/simulated-time.ts';

/** Answers each call after so long, or fails it. */
class SlowClient implements LoadClient {
  readonly #host: SimulatedHost;
  readonly #latencyMs: () => number;
  readonly #error: QuorateError | undefined;
  readonly #failures: number;
  open = 0;
  openMost = 0;
  readonly keys: string[] = [];
  readonly inFlightMax = 16_384;

  /** @param failures of the first calls; all fail if there is an error and no number. */
  constructor(
    host: SimulatedHost,
    latencyMs: () => number,
    error?: QuorateError,
    failures = Number.POSITIVE_INFINITY,
  ) {
    this.#host = host;
    this.#latencyMs = latencyMs;
    this.#error = error;
    this.#failures = failures;
  }

  call(key: Buffer): Promise<boolean> {
    this.keys.push(key.toString('hex'));
    this.openMost = Math.max(this.openMost, ++this.open);
    const error = this.keys.length <= this.#failures ? this.#error : undefined;
    return new Promise((resolve, reject) => {
      this.#host.schedule(this.#latencyMs(), () => {
        this.open--;
        if (error === undefined) resolve(true);
        else reject(error);
      });
    });
  }

  close(): void {
    return undefined;
  }
}

function loadOf(pace: Pace): Load<undefined> {
  const distribution = 'uniform' as const;
  return { subject: undefined, pace, connections: 1, firstKey: 0, keys: 100, distribution };
}

/** Runs a load in virtual time. */
function simulate(
  pace: Pace,
  latencyMs: (host: SimulatedHost) => number,
  error?: QuorateError,
  failures?: number,
) {
  const time = new SimulatedTime();
  const clock = new SimulatedHost(time);
  const client = new SlowClient(clock, () => latencyMs(clock), error, failures);
  const components = { clock, random: new SeededRandom(1) };
  const run = new LoadRun(components, loadOf(pace), [client], new AbortController().signal);
  return { client, outcome: time.settle(run.run()) };
}

describe('a closed loop', () => {
  it('has as many calls in flight as told and measures each from when it was made', async () => {
    const pace = { kind: 'closed', inFlight: 4, durationMs: 1_000 } as const;
    const { client, outcome } = simulate(pace, () => 10);
    const { calls, latencies, elapsedMs, perTenth } = await outcome;
    assert.deepEqual([client.openMost, calls, elapsedMs], [4, 400, 1_000]);
    assert.equal(Math.round(LatencyHistogram.sum([latencies]).percentileMs(0.99)), 10);
    assert.equal(
      perTenth.reduce((sum, count) => sum + count, 0),
      400,
    );
  });

  it('calls once for each key when it fills a cluster', async () => {
    const { client, outcome } = simulate({ kind: 'once', inFlight: 8 }, () => 1);
    assert.equal((await outcome).calls, 100);
    assert.equal(new Set(client.keys).size, 100);
  });

  it('calls a key again that failed while it fills a cluster, and gives up if it fails five times', async () => {
    const pace = { kind: 'once', inFlight: 8 } as const;
    const error = new QuorateError('OVERLOADED');
    const failing = simulate(pace, () => 1, error, 20);
    assert.deepEqual((await failing.outcome).errors, { OVERLOADED: 20 });
    assert.equal((await failing.outcome).latencies.count, 100);
    const dead = simulate(pace, () => 1, error);
    await assert.rejects(dead.outcome, { code: 'OVERLOADED' });
  });

  it('gives up when too much fails, but not when load is refused', async () => {
    const pace = { kind: 'closed', inFlight: 4, durationMs: 5_000 } as const;
    const failing = simulate(pace, () => 1, new QuorateError('INTERNAL'));
    await assert.rejects(failing.outcome, { code: 'INTERNAL' });
    const refused = await simulate(pace, () => 1, new QuorateError('OVERLOADED')).outcome;
    assert.deepEqual([refused.calls, refused.errors], [20_000, { OVERLOADED: 20_000 }]);
    assert.equal(LatencyHistogram.sum([refused.refusals]).percentileMs(0.99), 1);
  });
});

describe('an open loop', () => {
  it('makes calls at its rate whatever is answered', async () => {
    const pace = { kind: 'open', perSecond: 500, durationMs: 2_000 } as const;
    const { client, outcome } = simulate(pace, () => 400);
    assert.deepEqual([(await outcome).calls, client.openMost >= 200], [1_000, true]);
  });

  it('counts the calls that a stall holds up with their wait', async () => {
    // Nothing is answered in the first second: half of the calls wait up to a second.
    const pace = { kind: 'open', perSecond: 1_000, durationMs: 2_000 } as const;
    const { outcome } = simulate(pace, (host) => Math.max(1, 2_000 - host.monotonicMs()));
    const latencies = LatencyHistogram.sum([(await outcome).latencies]);
    assert.ok(latencies.percentileMs(0.75) > 480);
    assert.ok(latencies.percentileMs(0.25) < 3);
  });

  it('counts what it never came to send, with the wait so far', async () => {
    const pace = { kind: 'open', perSecond: 40_000, durationMs: 1_000 } as const;
    const { calls, unsent, latencies } = await simulate(pace, () => 900).outcome;
    assert.ok(unsent > 0);
    assert.equal(calls + unsent, 40_000);
    assert.equal(LatencyHistogram.sum([latencies]).count, 40_000);
  });
});

describe('an open loop over capacity', () => {
  const pace = { kind: 'open', perSecond: 40_000, durationMs: 1_000 } as const;

  it('gives a client no more than it carries, and does not break off', async () => {
    const { client, outcome } = simulate(pace, () => 900);
    await outcome;
    assert.equal(client.openMost, client.inFlightMax);
  });

  it('takes what load brings about as its result, but gives up when all else fails', async () => {
    for (const code of ['OVERLOADED', 'READ_TIMEOUT', 'WRITE_TIMEOUT'] as const) {
      const { errors } = await simulate(pace, () => 1, new QuorateError(code)).outcome;
      assert.deepEqual(errors, { [code]: 40_000 });
    }
    const { outcome } = simulate(pace, () => 1, new QuorateError('INTERNAL'));
    await assert.rejects(outcome, { code: 'INTERNAL' });
  });

  it('measures a refusal from when the call was made', async () => {
    const error = new QuorateError('OVERLOADED');
    const { refusals, unsent } = await simulate(pace, () => 700, error).outcome;
    assert.ok(unsent > 0, 'calls were made late');
    assert.equal(Math.round(LatencyHistogram.sum([refusals]).percentileMs(0.99)), 700);
  });
});

describe('the latencies of a load', () => {
  it('are right to a thousandth, also in the sum of several threads', () => {
    const [one, other] = [new LatencyHistogram(), new LatencyHistogram()];
    for (let ms = 1; ms <= 1_000; ms++) (ms % 2 === 0 ? one : other).add(ms);
    const sum = LatencyHistogram.sum([one.recorded, other.recorded]);
    assert.equal(sum.count, 1_000);
    for (const part of [0.01, 0.5, 0.99, 1]) {
      assert.ok(Math.abs(sum.percentileMs(part) / (part * 1_000) - 1) <= 0.001);
    }
  });

  it('are none where there were no calls, and clipped where nobody can count so far', () => {
    const latencies = new LatencyHistogram();
    assert.ok(Number.isNaN(latencies.percentileMs(0.5)));
    latencies.add(0);
    latencies.add(10 ** 12);
    assert.equal(latencies.count, 2);
  });
});

describe('the keys of a load', () => {
  it('are different, and their first bytes go round the ring', () => {
    const keys = Array.from({ length: 512 }, (_none, index) => benchKey(index));
    assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, 512);
    assert.equal(new Set(keys.slice(0, 256).map((key) => key[0])).size, 256);
  });

  const countsOf = (distribution: 'uniform' | 'zipf', keys: number) => {
    const choose = chooseKeys(new SeededRandom(7), distribution, keys);
    const counts = new Array<number>(keys).fill(0);
    for (let call = 0; call < 100_000; call++) {
      const key = choose();
      counts[key] = (counts[key] ?? 0) + 1;
    }
    assert.equal(counts.length, keys);
    return counts;
  };

  it('come all alike when they are uniform', () => {
    const counts = countsOf('uniform', 100);
    assert.ok(counts.every((count) => count > 800 && count < 1_200));
  });

  it('come as often as their rank says when they follow Zipf', () => {
    const counts = countsOf('zipf', 1_000);
    let zeta = 0;
    for (let rank = 1; rank <= 1_000; rank++) zeta += rank ** -0.99;
    for (const rank of [1, 2]) {
      const expected = (100_000 * rank ** -0.99) / zeta;
      assert.ok(Math.abs((counts[rank - 1] ?? 0) / expected - 1) < 0.05);
    }
    // The rest is an approximation that is right for ranks together.
    const head = counts.slice(0, 100).reduce((sum, count) => sum + count, 0);
    let headZeta = 0;
    for (let rank = 1; rank <= 100; rank++) headZeta += rank ** -0.99;
    assert.ok(Math.abs(head / ((100_000 * headZeta) / zeta) - 1) < 0.05);
    for (const few of [1, 2, 3]) assert.ok(countsOf('zipf', few).every((count) => count > 0));
  });
});

describe('a load in several threads', () => {
  it('is divided without loss: connections, rates, keys', () => {
    const open = loadOf({ kind: 'open', perSecond: 900, durationMs: 1 });
    const shares = shareOut({ ...open, connections: 3 }, 2);
    assert.deepEqual(
      shares.map(({ connections, pace }) => [connections, pace.kind === 'open' && pace.perSecond]),
      [
        [1, 300],
        [2, 600],
      ],
    );
    const once = shareOut({ ...loadOf({ kind: 'once', inFlight: 1 }), connections: 3 }, 3);
    assert.deepEqual(
      once.map(({ firstKey, keys }) => [firstKey, keys]),
      [
        [0, 33],
        [33, 33],
        [66, 34],
      ],
    );
    assert.equal(shareOut(open, 4).length, 1);
  });

  it('adds up to what its threads did', async () => {
    const pace = { kind: 'closed', inFlight: 1, durationMs: 1_000 } as const;
    const fast = await simulate(pace, () => 10).outcome;
    const failing = await simulate(pace, () => 20, new QuorateError('READ_TIMEOUT')).outcome;
    const sum = sumOf([fast, failing, failing]);
    assert.deepEqual([sum.calls, sum.errors], [200, { READ_TIMEOUT: 100 }]);
    assert.deepEqual(sum.perTenth, fast.perTenth);
    assert.equal(LatencyHistogram.sum([sum.latencies]).count, 100);
  });
});

describe('the death of a node', () => {
  it('is told by the rates before and at worst, and by when nine tenths are back', () => {
    const before = new Array<number>(30).fill(100);
    const after = [...new Array<number>(8).fill(10), ...new Array<number>(22).fill(95)];
    const figures = killThroughput([...before, ...after], 6_000);
    assert.deepEqual(figures, {
      perSecondBefore: 1_000,
      perSecondLowest: 100,
      recoveredAfterMs: 800,
    });
    const after30 = (rate: number) =>
      killThroughput([...before, ...new Array<number>(30).fill(rate)], 6_000).recoveredAfterMs;
    assert.deepEqual([after30(80), after30(95)], [undefined, 0]);
  });

  it('comes to the middle of the rounds, also if one of them never recovered', () => {
    const kill = { perSecondBefore: 9, perSecondLowest: 1, p99MsBefore: 1, p99MsAfter: 2 };
    const of = (...all: (number | undefined)[]) =>
      medianKill(all.map((recoveredAfterMs) => ({ ...kill, recoveredAfterMs })))?.recoveredAfterMs;
    assert.deepEqual([of(100, undefined, 300), of(100, undefined, undefined)], [300, undefined]);
    assert.equal(medianKill([]), undefined);
  });
});

describe('what a node has used', () => {
  it('is read from what Linux tells, whatever the process is called', () => {
    const stat = `12 (a) b) S ${new Array(10).fill('1').join(' ')} 70 30 5 5`;
    const usage = parseUsage(stat, 'VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\nRssAnon:\t 1024 kB\n');
    assert.deepEqual(usage, { cpuMs: 1_000, bytesMax: 2 * 2 ** 20, ownBytes: 2 ** 20 });
  });
});
