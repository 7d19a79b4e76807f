import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { formatHex } from '../../src/base/bytes.ts';
import type { ReplicaClient } from '../../src/coordinator/ports.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../../src/hints/dirty-tokens.ts';
import { HintDispatcher } from '../../src/hints/hint-dispatcher.ts';
import { defaultHintLimits, HintStore } from '../../src/hints/hint-store.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { encodeRecord } from '../../src/storage/record-format.ts';
import { textRecord, versionAt } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['a', 'b', 'c']),
});
const [v1, v2] = [versionAt(1), versionAt(2)];
const stored: ReplicaReply = { outcome: 'ok', version: v1, record: undefined, clockMs: 0 };

function keyOf(index: number): Uint8Array {
  return Uint8Array.of(index >> 8, index & 255);
}

/** A target that notes what it is sent and answers when the test says so. */
class Target implements ReplicaClient {
  isLive = true;
  readonly requests: ReplicaRequest[] = [];
  readonly waiting: ((reply: ReplicaReply) => void)[] = [];
  readonly deadlinesMs: number[] = [];

  send(request: ReplicaRequest, deadlineMs: number, onReply: (reply: ReplicaReply) => void): void {
    this.requests.push(request);
    this.deadlinesMs.push(deadlineMs);
    this.waiting.push(onReply);
  }

  hasRoom(): boolean {
    return true;
  }

  /** Answers all that waits, and says how many that were. */
  answer(reply: ReplicaReply = stored): number {
    const waiting = this.waiting.splice(0);
    for (const onReply of waiting) onReply(reply);
    return waiting.length;
  }
}

describe('HintDispatcher', () => {
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let dirty: DirtyTokens;
  let hints: HintStore;
  let target: Target;
  let chance: number;
  let dispatcher: HintDispatcher;

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    target = new Target();
    chance = 0;
    dirty = new DirtyTokens(new MemoryDirtyMarks());
    hints = new HintStore(
      { clock, dirty, logger: silentLogger, ring, tables: new MemoryTables({ clock }) },
      { node: 'a', limits: defaultHintLimits },
    );
    const replicas = {
      servesReads: () => false,
      takesWrites: (node: string) => node === 'b' && target.isLive,
      clientOf: () => target,
      distanceMs: () => 1,
    };
    const random = { fraction: () => chance, uint64: () => 0n };
    const components = { clock, random, logger: silentLogger, hints, replicas };
    dispatcher = new HintDispatcher(components, { targets: ['b', 'c'] });
  });

  const keep = (count: number, node = 'b') => {
    for (let index = 0; index < count; index++) hints.keep(node, keyOf(index), textRecord(v1));
  };
  const left = () => hints.summary('b').count;

  it('sends the original record, and deletes it only when it is acknowledged', async () => {
    keep(1);
    dispatcher.replay('b');
    await time.advance(1_000);
    const [request] = target.requests;
    assert.ok(request?.operation === 'spread' && target.requests.length === 1);
    assert.equal(formatHex(request.key), formatHex(keyOf(0)));
    assert.deepEqual(
      encodeRecord(request.key, request.record),
      encodeRecord(keyOf(0), textRecord(v1)),
    );
    assert.equal(left(), 1);
    target.answer();
    assert.equal(left(), 0);
  });

  it('begins at a random moment within a second', async () => {
    for (const [fraction, atMs] of [
      [0, 1],
      [0.5, 501],
      [0.999, 1_000],
    ] as const) {
      chance = fraction;
      keep(1);
      dispatcher.replay('b');
      await time.advance(atMs - 1);
      assert.equal(target.waiting.length, 0, `before ${atMs} ms`);
      await time.advance(1);
      assert.equal(target.answer(), 1, `at ${atMs} ms`);
      await time.advance(1_000);
    }
  });

  it('replays once at a time to a target', async () => {
    keep(1);
    dispatcher.replay('b');
    dispatcher.replay('b');
    await time.advance(1_000);
    dispatcher.replay('b');
    await time.advance(1_000);
    assert.equal(target.requests.length, 1);
  });

  it('does nothing for a target that is down or has no hints', async () => {
    dispatcher.replay('b');
    keep(1);
    target.isLive = false;
    dispatcher.replay('b');
    await time.advance(2_000);
    assert.equal(target.requests.length, 0);
    target.isLive = true;
    dispatcher.replay('b');
    target.isLive = false;
    await time.advance(2_000);
    assert.equal(target.requests.length, 0);
  });

  for (const reply of [
    { outcome: 'unknown', reason: 'link-broken' },
    { outcome: 'unknown', reason: 'failed' },
    { outcome: 'refused', reason: 'not-sent' },
  ] as const) {
    it(`keeps a hint that came back as ${reply.outcome}, ${reply.reason}, and tries again`, async () => {
      keep(1);
      dispatcher.replay('b');
      await time.advance(1_000);
      target.answer(reply);
      assert.equal(left(), 1);
      await time.advance(1_000);
      assert.equal(target.waiting.length, 0);
      dispatcher.replay('b');
      await time.advance(1_000);
      target.answer();
      assert.equal(left(), 0);
      assert.deepEqual(dirty.tokensOf('b').tokens(), []);
    });
  }

  it('gives up a hint that its target refuses as not its own, and marks it DIRTY', async () => {
    keep(1);
    dispatcher.replay('b');
    await time.advance(1_000);
    target.answer({ outcome: 'refused', reason: 'not-a-replica' });
    assert.equal(left(), 0);
    assert.deepEqual(dirty.tokensOf('b').tokens(), [0]);
  });

  it('forgets those of a batch that were acknowledged and keeps those that were not', async () => {
    keep(3);
    dispatcher.replay('b');
    await time.advance(1_000);
    const [first, second, third] = target.waiting;
    second?.({ outcome: 'unknown', reason: 'timed-out' });
    first?.(stored);
    third?.(stored);
    assert.deepEqual(
      [...hints.waitingFor('b')].map(({ key }) => key[1]),
      [1],
    );
  });

  it('keeps a newer version that came while the older one was on its way', async () => {
    keep(1);
    dispatcher.replay('b');
    await time.advance(1_000);
    hints.keep('b', keyOf(0), textRecord(v2));
    target.answer();
    assert.equal(left(), 1);
    await time.advance(50);
    assert.equal(target.requests.length, 2);
    target.answer();
    assert.equal(left(), 0);
  });

  it('sends the next batch when the last is acknowledged, and larger ones while that is fast', async () => {
    keep(600);
    dispatcher.replay('b');
    await time.advance(1);
    const batches: number[] = [];
    for (let batch = target.answer(); batch > 0; batch = target.answer()) {
      batches.push(batch);
      await time.advance(50);
    }
    assert.deepEqual(batches, [16, 32, 64, 128, 128, 128, 104]);
    assert.equal(left(), 0);
  });

  it('waits for all of a batch before the next', async () => {
    keep(20);
    dispatcher.replay('b');
    await time.advance(1_000);
    for (const onReply of target.waiting.splice(1)) onReply(stored);
    dispatcher.replay('b');
    await time.advance(1_000);
    assert.equal(target.waiting.length, 1);
    target.waiting.shift()?.(stored);
    await time.advance(5);
    assert.equal(target.waiting.length, 4);
  });

  it('sends a batch every 50 ms, and leaves 5 ms for clients after one that took longer', async () => {
    keep(200);
    dispatcher.replay('b');
    await time.advance(1);
    for (const [tookMs, restMs, batch] of [
      [0, 50, 16],
      [10, 40, 32],
      [60, 5, 64],
    ] as const) {
      await time.advance(tookMs);
      assert.equal(target.answer(), batch);
      await time.advance(restMs - 1);
      assert.equal(target.waiting.length, 0, `rests after ${tookMs} ms`);
      await time.advance(1);
    }
    assert.equal(target.waiting.length, 88);
  });

  it('is not held up by a hint that its target cannot take', async () => {
    keep(40);
    dispatcher.replay('b');
    await time.advance(1);
    const [first, ...others] = target.waiting.splice(0);
    first?.({ outcome: 'unknown', reason: 'failed' });
    for (const onReply of others) onReply(stored);
    await time.advance(50);
    while (target.answer() > 0) await time.advance(50);
    assert.deepEqual(
      [...hints.waitingFor('b')].map(({ key }) => key[1]),
      [0],
    );
    await time.advance(1_000);
    assert.equal(target.requests.length, 40, 'the first waits for the sweep');
  });

  it('sends smaller batches while acknowledgements are slow, but not under 16', async () => {
    keep(500);
    dispatcher.replay('b');
    await time.advance(1);
    for (const expected of [16, 32, 64]) {
      assert.equal(target.answer(), expected);
      await time.advance(50);
    }
    for (const expected of [128, 64, 32, 16, 16]) {
      await time.advance(101);
      assert.equal(target.answer(), expected);
      await time.advance(5);
    }
  });

  it('stops between batches when the target is gone', async () => {
    keep(20);
    dispatcher.replay('b');
    await time.advance(1_000);
    target.isLive = false;
    target.answer();
    assert.equal(target.requests.length, 16);
    assert.equal(left(), 4);
  });

  it('sweeps every 10 s, which catches lost news and drops what is too old', async () => {
    dispatcher.start();
    keep(1);
    await time.advance(9_999);
    assert.equal(target.requests.length, 0);
    await time.advance(1_001);
    assert.equal(target.answer(), 1);
    target.isLive = false;
    keep(1);
    await time.advance(defaultHintLimits.hintAgeMsMax + 10_000);
    assert.equal(left(), 0);
    assert.deepEqual(dirty.tokensOf('b').tokens(), [0]);
    dispatcher.stop();
  });

  it('gives a batch a limit of time', async () => {
    keep(1);
    dispatcher.replay('b');
    await time.advance(1);
    assert.deepEqual(target.deadlinesMs, [clock.monotonicMs() + 10_000]);
  });

  it('sends nothing after it was stopped', async () => {
    dispatcher.start();
    keep(20);
    dispatcher.replay('b');
    await time.advance(1_000);
    dispatcher.stop();
    target.answer();
    assert.equal(left(), 4);
    dispatcher.replay('b');
    await time.advance(30_000);
    assert.equal(target.requests.length, 16);
  });

  it('does not begin a replay that was due when it was stopped', async () => {
    keep(1);
    dispatcher.replay('b');
    dispatcher.stop();
    await time.advance(2_000);
    assert.equal(target.requests.length, 0);
  });
});
