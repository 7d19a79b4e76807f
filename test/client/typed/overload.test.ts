/** More calls than nodes can do, in virtual time: what is refused, how soon, and what is not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import type { KeyView } from '../../../src/client/typed/key-view.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';

/** Calls that were made, and what became of them. */
class Tally {
  readonly #cluster: FakeCluster;
  readonly doneAtMs: number[] = [];
  readonly errors: Record<string, number> = {};
  uncertain = 0;
  slowestRefusalMs = 0;
  readonly #calls: Promise<void>[] = [];

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  /** Makes a put for every second call. */
  make(client: KeyView<string>, timeoutMs: number): Promise<void> {
    const { time } = this.#cluster;
    const madeAtMs = time.nowMs;
    const key = this.#calls.length % 256;
    const options = { timeoutMs };
    const made: Promise<unknown> =
      this.#calls.length % 2 === 0 ? client.get(key, options) : client.put(key, 'x', options);
    const ended = made.then(
      () => void this.doneAtMs.push(time.nowMs),
      (thrown: unknown) => {
        const { code, mayHaveApplied } = QuorateError.from(thrown);
        this.errors[code] = (this.errors[code] ?? 0) + 1;
        if (mayHaveApplied) this.uncertain++;
        if (code !== 'OVERLOADED') return;
        this.slowestRefusalMs = Math.max(this.slowestRefusalMs, time.nowMs - madeAtMs);
      },
    );
    this.#calls.push(ended);
    return ended;
  }

  /** So many calls a second, for a while. */
  async load(client: KeyView<string>, perSecond: number, durationMs: number, timeoutMs = 2_000) {
    let made = 0;
    for (let ms = 1; ms <= durationMs; ms++) {
      for (; made < (ms * perSecond) / 1_000; made++) void this.make(client, timeoutMs);
      await this.#cluster.time.advance(1);
    }
  }

  /** Always so many calls open, the next as soon as one has ended. */
  async callers(client: KeyView<string>, callers: number, durationMs: number): Promise<void> {
    const { time } = this.#cluster;
    const endMs = time.nowMs + durationMs;
    const caller = async () => {
      while (time.nowMs < endMs) await this.make(client, 2_000);
    };
    await time.settle(Promise.all(Array.from({ length: callers }, caller)));
  }

  /** Waits for all calls. */
  settle(): Promise<unknown> {
    return this.#cluster.time.settle(Promise.all(this.#calls));
  }

  doneSince(ms: number): number {
    return this.doneAtMs.filter((each) => each >= ms).length;
  }
}

/** One node that does 1,000 calls a second. */
async function oneNode() {
  const cluster = new FakeCluster(['a']);
  cluster.node('a').workMs = 1;
  const client = await cluster.connect({ isHedging: false });
  return { cluster, client, tally: new Tally(cluster) };
}

describe('calls at one and a half times what a node can do', () => {
  it('are done at its full rate, and the rest is refused at once, not late', async () => {
    for (const timeoutMs of [100, 2_000, 4_000]) {
      const { cluster, client, tally } = await oneNode();
      await tally.load(client, 1_500, timeoutMs);
      const startMs = cluster.time.nowMs;
      await tally.load(client, 1_500, 2_000, timeoutMs);
      const done = tally.doneSince(startMs);
      assert.ok(done > 0.95 * 2_000, `${done} of 2,000 in 2 s, within ${timeoutMs} ms each`);
      await tally.settle();
      const { OVERLOADED: refused = 0, ...others } = tally.errors;
      assert.deepEqual([others, tally.uncertain, tally.slowestRefusalMs], [{}, 0, 0]);
      assert.ok(refused > 600, `${refused} refused`);
    }
  });

  it('are done also where a node works on calls that nobody waits for any more', async () => {
    const { cluster, client, tally } = await oneNode();
    cluster.node('a').workMs = 4;
    await tally.load(client, 400, 1_000, 100);
    const startMs = cluster.time.nowMs;
    await tally.load(client, 400, 2_000, 100);
    const done = tally.doneSince(startMs);
    assert.ok(done > 0.5 * 500, `${done} of 500 in 2 s`);
  });

  it('are refused only when every replica has too much to do', async () => {
    const cluster = new FakeCluster();
    for (const node of cluster.nodes.values()) node.workMs = 4;
    const client = await cluster.connect({ isHedging: false });
    const tally = new Tally(cluster);
    await tally.load(client, 1_500, 1_000, 300);
    const startMs = cluster.time.nowMs;
    await tally.load(client, 1_500, 1_000, 300);
    const done = tally.doneSince(startMs);
    assert.ok(done > 0.9 * 1_000, `${done} of 1,000 in 1 s`);
  });

  it('all succeed again as soon as they are fewer', async () => {
    const { client, tally } = await oneNode();
    await tally.load(client, 1_500, 4_000);
    const { OVERLOADED: refused = 0 } = tally.errors;
    await tally.load(client, 500, 2_000);
    await tally.settle();
    assert.ok(refused > 0);
    const { OVERLOADED: refusedInAll = 0, ...others } = tally.errors;
    assert.ok(refusedInAll - refused < 20, `${refusedInAll - refused} refused afterwards`);
    assert.deepEqual(others, {});
  });
});

describe('nothing is refused', () => {
  it('of a burst that can be done in time', async () => {
    for (const [calls, timeoutMs] of [
      [1_900, 2_000],
      [9_500, 10_000],
    ] as const) {
      const { client, tally } = await oneNode();
      await tally.load(client, 500, 500);
      await tally.settle();
      for (let made = 0; made < calls; made++) void tally.make(client, timeoutMs);
      await tally.settle();
      assert.deepEqual(tally.errors, {});
    }
  });

  it('of callers who wait for each other, for less than half of their time', async () => {
    const { client, tally } = await oneNode();
    await tally.callers(client, 800, 5_000);
    assert.deepEqual(tally.errors, {});
  });

  it('for one slow node while others have room', async () => {
    const cluster = new FakeCluster();
    for (const node of cluster.nodes.values()) node.workMs = 0.5;
    cluster.node('a').workMs = 50;
    const client = await cluster.connect({ isHedging: false });
    const tally = new Tally(cluster);
    await tally.load(client, 3_000, 2_000);
    await tally.settle();
    assert.deepEqual(tally.errors, {});
  });

  it('after a node that did much less has recovered', async () => {
    const { cluster, client, tally } = await oneNode();
    cluster.node('a').workMs = 20;
    await tally.load(client, 500, 4_000);
    await tally.settle();
    assert.ok((tally.errors['OVERLOADED'] ?? 0) > 0);
    // It works on what it got, also for those who wait no more.
    await cluster.time.advance(10_000);
    cluster.node('a').workMs = 1;
    const later = new Tally(cluster);
    for (let made = 0; made < 1_500; made++) void later.make(client, 2_000);
    await later.settle();
    assert.deepEqual(later.errors, {});
  });
});

describe('a burst of more than can be done in time', () => {
  it('is done as far as it can be, and what would be late is not sent', async () => {
    const { cluster, client, tally } = await oneNode();
    cluster.node('a').workMs = 0.25;
    for (let made = 0; made < 12_000; made++) void tally.make(client, 2_000);
    await tally.settle();
    assert.ok(tally.doneAtMs.length > 0.9 * 8_000, `${tally.doneAtMs.length} of 8,000 in 2 s`);
    const sent = cluster.node('a').calls.length;
    assert.ok(sent - tally.doneAtMs.length < 0.1 * 8_000, `${sent} sent`);
  });
});

describe('a refusal', () => {
  it('comes at once and says why, but not to who tries again without end', async () => {
    const { cluster, client, tally } = await oneNode();
    await tally.load(client, 1_500, 4_000);
    for (let made = 0; made < 200; made++) void tally.make(client, 2_000);
    await cluster.time.advance(0);
    const errors: QuorateError[] = [];
    const tryForEver = async () => {
      while (errors.length < 5_000) {
        await client.get(7).catch((thrown: unknown) => errors.push(QuorateError.from(thrown)));
      }
    };
    void tryForEver();
    for (let turn = 0; turn < 50_000; turn++) await Promise.resolve();
    assert.ok(errors.length >= 900 && errors.length <= 1_000, `${errors.length} in one turn`);
    const [error] = errors;
    assert.deepEqual(
      [error?.code, error?.retryable, error?.mayHaveApplied],
      ['OVERLOADED', true, false],
    );
    assert.match(error?.message ?? '', /calls of this client wait for a, which takes about \d+ ms/);
    await tally.settle();
    await cluster.time.until(() => errors.length >= 5_000);
  });
});
