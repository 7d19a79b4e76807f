import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ClockMonitor, type ClockReading } from '../../src/record/clock-monitor.ts';

/** The two clocks of a node, and pings to others. */
class PingedNode {
  readonly #monitor: ClockMonitor;
  #monotonicMs = 5_000;
  #realtimeMs = 1_767_225_600_000;

  constructor(otherNodes: number) {
    this.#monitor = new ClockMonitor(this.now, { otherNodes });
  }

  get monitor(): ClockMonitor {
    return this.#monitor;
  }

  get now(): ClockReading {
    return { realtimeMs: this.#realtimeMs, monotonicMs: this.#monotonicMs };
  }

  verdict() {
    return this.#monitor.verdict(this.now);
  }

  mayJudgeTimes(): boolean {
    return this.#monitor.mayJudgeTimes(this.now);
  }

  pass(ms: number): void {
    this.#monotonicMs += ms;
    this.#realtimeMs += ms;
  }

  /** The time of day jumps. */
  step(ms: number): void {
    this.#realtimeMs += ms;
  }

  /** A ping of a node whose clock is ahead by so much. */
  ping(node: string, aheadMs: number, roundTripMs = 2, stepMs = 0): boolean {
    const sent = this.now;
    this.pass(roundTripMs);
    const other = sent.realtimeMs + roundTripMs / 2 + aheadMs;
    this.step(stepMs);
    return this.#monitor.addSample(node, other, sent, this.now);
  }
}

describe('ClockMonitor, before it trusts its clock,', () => {
  it('waits until a majority of the other nodes was compared', () => {
    for (const [others, needed] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 3],
    ] as const) {
      const node = new PingedNode(others);
      for (let compared = 0; compared < needed; compared++) {
        assert.equal(node.verdict(), 'uncompared', `${compared} of ${others}`);
        node.ping(`n${compared}`, 0);
      }
      assert.equal(node.verdict(), 'agrees', `${needed} of ${others}`);
    }
  });

  it('counts a node once, however often it is compared', () => {
    const node = new PingedNode(3);
    node.ping('b', 0);
    node.ping('b', 0);
    assert.equal(node.verdict(), 'uncompared');
  });

  it('has nobody to wait for when it is alone', () => {
    assert.equal(new PingedNode(0).verdict(), 'agrees');
  });

  it('does not count a sample with a round trip over 100 ms', () => {
    const node = new PingedNode(1);
    assert.equal(node.ping('b', 0, 101), false);
    assert.equal(node.verdict(), 'uncompared');
    assert.equal(node.monitor.aheadMs('b'), undefined);
    assert.equal(node.ping('b', 0, 100), true);
    assert.equal(node.verdict(), 'agrees');
  });

  it('stays compared when the others are forgotten', () => {
    const node = new PingedNode(2);
    node.ping('b', 0);
    node.ping('c', 0);
    node.monitor.forget('b');
    node.monitor.forget('c');
    assert.equal(node.verdict(), 'agrees');
  });
});

describe('ClockMonitor, after a step of its time of day,', () => {
  let node: PingedNode;

  beforeEach(() => {
    node = new PingedNode(3);
    for (const other of ['b', 'c', 'd']) node.ping(other, 0);
    assert.equal(node.verdict(), 'agrees');
  });

  for (const stepMs of [50, -50, 3_600_000]) {
    it(`begins comparing anew after ${stepMs} ms`, () => {
      node.step(stepMs);
      assert.equal(node.verdict(), 'uncompared');
      assert.equal(node.monitor.aheadMs('b'), undefined);
      node.ping('b', -stepMs);
      assert.equal(node.verdict(), 'uncompared');
      node.ping('c', 0);
      assert.equal(node.verdict(), 'agrees');
    });
  }

  it('takes less than 50 ms for slewing', () => {
    node.step(49);
    assert.equal(node.verdict(), 'agrees');
    node.ping('b', 0);
    node.step(49);
    assert.equal(node.verdict(), 'agrees');
  });

  it('does not count the sample that the step happened in', () => {
    assert.equal(node.ping('b', 0, 2, 60), false);
    assert.equal(node.verdict(), 'uncompared');
  });

  it('notices the step of a sample before it counts it', () => {
    node.step(80);
    assert.equal(node.ping('b', 0), true);
    assert.equal(node.verdict(), 'uncompared');
    assert.equal(node.monitor.aheadMs('c'), undefined);
  });
});

describe('ClockMonitor, against the median,', () => {
  it('measures from the middle of the round trip', () => {
    const node = new PingedNode(1);
    node.ping('b', 70, 100);
    assert.equal(node.monitor.aheadMs('b'), 70);
  });

  it('is apart when it is more than 250 ms from it, either way', () => {
    for (const [aheadMs, verdict] of [
      [250, 'agrees'],
      [251, 'apart'],
      [-250, 'agrees'],
      [-251, 'apart'],
    ] as const) {
      const node = new PingedNode(2);
      node.ping('b', aheadMs);
      node.ping('c', aheadMs);
      assert.equal(node.verdict(), verdict, `${aheadMs} ms`);
    }
  });

  it('is not apart for one clock of three that is wrong', () => {
    const node = new PingedNode(2);
    node.ping('b', 3_600_000);
    node.ping('c', 10);
    assert.equal(node.verdict(), 'agrees');
  });

  it('takes the middle of the two in the middle of four', () => {
    const node = new PingedNode(3);
    node.ping('b', 200);
    node.ping('c', 302);
    node.ping('d', 400);
    assert.equal(node.verdict(), 'apart');
    node.ping('c', 298);
    assert.equal(node.verdict(), 'agrees');
  });

  it('is apart also before a majority was compared', () => {
    const node = new PingedNode(5);
    node.ping('b', 300);
    node.ping('c', 300);
    assert.equal(node.verdict(), 'apart');
  });

  it('only alarms with two clocks, since nobody knows which is wrong', () => {
    const node = new PingedNode(2);
    node.ping('b', 0);
    node.ping('c', 251);
    assert.equal(node.monitor.isAlarming(), false);
    node.monitor.forget('b');
    assert.equal(node.verdict(), 'agrees');
    assert.equal(node.monitor.isAlarming(), true);
    node.ping('c', -251);
    assert.equal(node.monitor.isAlarming(), true);
    node.ping('c', 250);
    assert.equal(node.monitor.isAlarming(), false);
  });

  it('does not count the clock of a forgotten node while enough others are known', () => {
    const node = new PingedNode(3);
    node.ping('b', 300);
    node.ping('c', 300);
    node.ping('d', 0);
    assert.equal(node.verdict(), 'agrees');
    node.monitor.forget('d');
    assert.equal(node.verdict(), 'apart');
  });

  it('does not become right because the others cannot be seen any more', () => {
    const node = new PingedNode(3);
    for (const other of ['b', 'c', 'd']) node.ping(other, 300);
    for (const other of ['b', 'c', 'd']) node.monitor.forget(other);
    assert.equal(node.verdict(), 'apart');
  });

  it('does not agree with clocks that contradict it one after another', () => {
    const node = new PingedNode(2);
    node.ping('b', 3_600_000);
    node.monitor.forget('b');
    node.ping('c', 3_600_000);
    assert.equal(node.verdict(), 'apart');
  });

  it('lets times be judged where it agrees, and with two clocks only if those agree', () => {
    const node = new PingedNode(3);
    assert.equal(node.mayJudgeTimes(), false);
    node.ping('b', 200);
    assert.equal(node.mayJudgeTimes(), false);
    node.ping('c', -200);
    assert.equal(node.mayJudgeTimes(), true);
    for (const other of ['b', 'c', 'd']) node.ping(other, 251);
    assert.equal(node.mayJudgeTimes(), false);
    const oneOfTwo = new PingedNode(1);
    assert.equal(oneOfTwo.mayJudgeTimes(), false);
    oneOfTwo.ping('b', 250);
    assert.equal(oneOfTwo.mayJudgeTimes(), true);
    oneOfTwo.ping('b', -251);
    assert.deepEqual([oneOfTwo.verdict(), oneOfTwo.mayJudgeTimes()], ['agrees', false]);
    assert.equal(new PingedNode(0).mayJudgeTimes(), true);
  });
});
