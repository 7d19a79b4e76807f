import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ReclaimRequest, ReplicaReply } from '../../src/record/replica-messages.ts';
import { clockAtMs } from '../../src/record/version.ts';
import { FloorClocks, noFloors } from '../../src/ring/floor-clocks.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { TokenFloors } from '../../src/storage/token-floors.ts';
import { ReclaimMember } from '../../src/transfer/reclaim-member.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** Node replica0 of four holds token 7, and not 70. */
describe('ReclaimMember', () => {
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let disk: PowerCutTables;
  let floors: TokenFloors;
  let member: ReclaimMember;
  let standing: { servesReads: boolean; takesWrites: boolean };
  let isClear: boolean;
  let outdated: number;
  let raised: number;
  let startMs: number;

  const restart = (isDurable = true) => {
    floors = new TokenFloors(disk.tables);
    const ring = new Ring({
      epoch: 1,
      partitioner: byteOrderedPartitioner,
      replicationFactor: 3,
      owners: evenOwners(['replica0', 'replica1', 'replica2', 'replica3']),
    });
    member = new ReclaimMember(
      {
        clock,
        floors,
        ring,
        replica: {
          get standing() {
            return standing;
          },
        },
        isClear: () => isClear,
        onRaised: () => raised++,
        onOutdated: () => outdated++,
      },
      { node: 'replica0', tombstoneAgeMs: 60_000, isDurable },
    );
  };

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    startMs = clock.realtimeMs();
    disk = new PowerCutTables(clock);
    standing = { servesReads: true, takesWrites: true };
    isClear = true;
    outdated = 0;
    raised = 0;
    restart();
  });

  const ask = (request: ReclaimRequest) => time.settle(member.answer(request));
  const at = (ms: number) => clockAtMs(startMs + ms);
  const notNow: ReplicaReply = { outcome: 'refused', reason: 'not-now' };
  const join = (round: bigint, ms = -60_000, token = 7) =>
    ask({
      operation: 'join-reclaim',
      round,
      tokens: TokenSet.of([token]).toBytes(),
      clock: at(ms),
    });
  const open = (round: bigint, before = 0n) =>
    ask({ operation: 'open-reclaim', round, floors: noFloors.with([7], () => before).toBytes() });
  const seal = (round: bigint) => ask({ operation: 'seal-reclaim', round });
  const raise = (round: bigint) => ask({ operation: 'raise-reclaim', round });
  const isDone = (reply: ReplicaReply) => reply.outcome === 'floors';
  const floorIn = (reply: ReplicaReply) =>
    reply.outcome === 'floors' ? FloorClocks.fromBytes(reply.floors).of(7) : undefined;
  const sealAt = async (round: bigint, ms: number) => {
    for (const reply of [await join(round, ms), await open(round), await seal(round)]) {
      assert.ok(isDone(reply));
    }
  };

  it('seals, then raises, and both outlive the process', async () => {
    const clockWanted = at(-60_000);
    await sealAt(1n, -60_000);
    assert.deepEqual([floors.sealOf(7), floors.floorOf(7)], [clockWanted, 0n]);
    disk.cut();
    restart();
    assert.deepEqual([floors.sealOf(7), floors.floorOf(7)], [clockWanted, 0n]);
    await sealAt(2n, -60_000);
    assert.equal(floorIn(await raise(2n)), at(-60_000));
    assert.equal(raised, 1);
    disk.cut();
    restart();
    assert.equal(floorIn(await ask({ operation: 'read-floors' })), floors.sealOf(7));
    assert.notEqual(floors.floorOf(7), 0n);
  });

  it('takes no step out of turn, nor any of a round that it does not know', async () => {
    for (const step of [open, seal, raise]) assert.deepEqual(await step(1n), notNow);
    await join(1n);
    assert.deepEqual(await seal(1n), notNow);
    assert.deepEqual(await raise(1n), notNow);
    await open(1n);
    assert.deepEqual(await raise(1n), notNow);
    await seal(1n);
    disk.cut();
    restart();
    assert.deepEqual(await raise(1n), notNow);
    assert.equal(floors.floorOf(7), 0n);
  });

  it('ends a round when another begins for one of its tokens, also one that could raise', async () => {
    await sealAt(1n, -60_000);
    await join(2n, -60_000, 8);
    await join(3n);
    assert.deepEqual(await raise(1n), notNow);
    await open(2n);
    assert.ok(isDone(await seal(2n)));
  });

  it('tells a floor that was being raised when the next round began', async () => {
    const clockWanted = at(-60_000);
    await sealAt(1n, -60_000);
    const raising = member.answer({ operation: 'raise-reclaim', round: 1n });
    const joined = await join(2n);
    await time.settle(raising);
    assert.equal(floorIn(joined), clockWanted);
  });

  it('does not seal after something was stored below the floor to come, of its tokens', async () => {
    await join(1n);
    member.noteStored(7, at(-70_000));
    await open(1n);
    assert.equal(member.watchedBelow(7), at(-60_000));
    assert.equal(member.watchedBelow(8), 0n);
    member.noteStored(8, at(-70_000));
    member.noteStored(7, at(-50_000));
    member.noteStored(7, at(-70_000));
    assert.deepEqual(await seal(1n), notNow);
    assert.equal(floors.sealOf(7), 0n);
    assert.equal(member.watchedBelow(7), 0n);
  });

  it('takes back a seal that no replica has raised to', async () => {
    await sealAt(1n, -60_000);
    await join(2n);
    await open(2n, at(-90_000));
    assert.deepEqual([floors.sealOf(7), floors.floorOf(7)], [at(-90_000), at(-90_000)]);
  });

  it('is told by a floor above its seal that its disk is an old one', async () => {
    await join(1n);
    assert.deepEqual(await open(1n, at(-90_000)), notNow);
    assert.equal(outdated, 1);
    assert.equal(await time.settle(member.raiseTo(7, at(-90_000))), false);
    assert.equal(outdated, 2);
    assert.equal(floors.floorOf(7), 0n);
  });

  it('raises to the floor of another replica that it has sealed', async () => {
    await sealAt(1n, -60_000);
    const sealed = floors.sealOf(7);
    assert.equal(await time.settle(member.raiseTo(7, sealed)), true);
    assert.equal(floors.floorOf(7), sealed);
    assert.equal(outdated, 0);
  });

  it('joins no round whose floor is too near to now by its own clock', async () => {
    assert.deepEqual(await join(1n, -59_000), notNow);
    assert.ok(isDone(await join(1n, -59_600)));
  });

  it('joins none with hints or DIRTY marks, whether it is a replica or not', async () => {
    isClear = false;
    assert.deepEqual(await join(1n), notNow);
    assert.deepEqual(await join(1n, -60_000, 70), notNow);
    isClear = true;
    assert.ok(isDone(await join(1n, -60_000, 70)));
  });

  it('joins none as a replica that rebuilds, is full, or keeps all in memory', async () => {
    for (const change of [{ servesReads: false }, { takesWrites: false }]) {
      standing = { servesReads: true, takesWrites: true, ...change };
      assert.deepEqual(await join(1n), notNow);
      assert.ok(isDone(await join(1n, -60_000, 70)));
    }
    standing = { servesReads: true, takesWrites: true };
    restart(false);
    assert.deepEqual(await join(1n), notNow);
  });

  it('has done nothing where the disk is full', async () => {
    await join(1n);
    await open(1n);
    disk.isFull = true;
    assert.deepEqual(await seal(1n), notNow);
    assert.equal(floors.floorOf(7), 0n);
  });

  it('tells a floor that a full disk did not take, since the next write takes it along', async () => {
    const clockWanted = at(-60_000);
    await sealAt(1n, -60_000);
    disk.isFull = true;
    assert.deepEqual(await raise(1n), notNow);
    assert.equal(floors.floorOf(7), 0n);
    disk.isFull = false;
    await time.advance(2_000);
    assert.equal(floorIn(await join(2n)), clockWanted);
    await open(2n, clockWanted);
    assert.equal(floors.floorOf(7), clockWanted);
  });

  it('has no floors where their bytes are damaged', async () => {
    await sealAt(1n, -60_000);
    await raise(1n);
    const { tables } = disk;
    const [entry] = tables.range('meta', { start: new Uint8Array(), limit: 1, bytesMax: 1 });
    assert.ok(entry !== undefined);
    entry.value[100] = (entry.value[100] ?? 0) ^ 1;
    tables.writeNow([{ table: 'meta', ...entry }]);
    restart();
    assert.deepEqual([floors.floorOf(7), floors.sealOf(7)], [0n, 0n]);
  });
});
