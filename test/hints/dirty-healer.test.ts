import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ReplicaClient } from '../../src/coordinator/ports.ts';
import { DirtyHealer } from '../../src/hints/dirty-healer.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../../src/hints/dirty-tokens.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** Tokens 0 to 63 are on a, b, c; 64 to 127 on b, c, d; 128 to 191 on c, d, a; then d, a, b. */
const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['a', 'b', 'c', 'd']),
});

const copying: ReplicaReply = { outcome: 'copying', isDone: false };
const copied: ReplicaReply = { outcome: 'copying', isDone: true };

type CopyRequest = Extract<ReplicaRequest, { readonly operation: 'copy' }>;

describe('DirtyHealer', () => {
  let time: SimulatedTime;
  let dirty: DirtyTokens;
  let healer: DirtyHealer;
  let asked: { readonly node: string; readonly request: CopyRequest }[];
  let waiting: ((reply: ReplicaReply) => void)[];
  let unreadable: Set<string>;
  let unwritable: Set<string>;

  beforeEach(() => {
    time = new SimulatedTime();
    dirty = new DirtyTokens(new MemoryDirtyMarks());
    asked = [];
    waiting = [];
    unreadable = new Set();
    unwritable = new Set();
    const clientOf = (node: string): ReplicaClient => ({
      hasRoom: () => true,
      send: (request, _deadlineMs, onReply) => {
        assert.ok(request.operation === 'copy');
        asked.push({ node, request });
        waiting.push(onReply);
      },
    });
    const replicas = {
      clientOf,
      distanceMs: () => 1,
      servesReads: (node: string) => !unreadable.has(node),
      takesWrites: (node: string) => !unwritable.has(node),
    };
    const clock = new SimulatedHost(time);
    const random = new SeededRandom(1);
    healer = new DirtyHealer({ clock, random, logger: silentLogger, dirty, replicas, ring });
    healer.start();
  });

  const mark = (target: string, ...tokens: number[]) => dirty.mark(target, TokenSet.of(tokens));
  const dirtyOf = (target: string) => dirty.tokensOf(target).tokens();
  const lastTokens = () =>
    TokenSet.fromBytes(asked.at(-1)?.request.tokens ?? assert.fail()).tokens();
  const answer = (reply: ReplicaReply) => {
    for (const onReply of waiting.splice(0)) onReply(reply);
  };

  it('asks the target within a second of the mark, and clears it when the copy is done', async () => {
    await mark('b', 3, 70);
    await time.advance(1_001);
    assert.deepEqual([asked.length, asked[0]?.node, lastTokens()], [1, 'b', [3, 70]]);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), []);
    await time.advance(30_000);
    assert.equal(asked.length, 1);
  });

  it('asks every 2 s in the same round until it is done', async () => {
    await mark('b', 3);
    await time.advance(1_001);
    for (let round = 1; round < 5; round++) {
      assert.equal(asked.length, round);
      answer(round === 2 ? { outcome: 'unknown', reason: 'timed-out' } : copying);
      await time.advance(1_999);
      assert.equal(asked.length, round);
      await time.advance(1);
    }
    assert.equal(new Set(asked.map(({ request }) => request.round)).size, 1);
    assert.deepEqual(dirtyOf('b'), [3]);
  });

  it('does not clear what was marked again since the round began', async () => {
    await mark('b', 3, 4, 5);
    await time.advance(1_001);
    answer(copying);
    await mark('b', 4, 6);
    await time.advance(2_000);
    assert.deepEqual(lastTokens(), [3, 4, 5]);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), [4, 6]);
    await time.advance(1_001);
    assert.deepEqual(lastTokens(), [4, 6]);
    assert.notEqual(asked.at(-1)?.request.round, asked[0]?.request.round);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), []);
  });

  it('does not clear what was marked again while the last reply was on its way', async () => {
    await mark('b', 3);
    await time.advance(1_001);
    await mark('b', 3);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), [3]);
  });

  it('waits for a target that is away, and asks within a second of its return', async () => {
    unwritable.add('b');
    await mark('b', 3);
    await time.advance(25_000);
    assert.equal(asked.length, 0);
    unwritable.clear();
    healer.heal();
    await time.advance(1_001);
    assert.equal(asked.length, 1);
  });

  it('finds out by itself within 11 s that a target is back', async () => {
    unwritable.add('b');
    await mark('b', 3);
    await time.advance(5_000);
    unwritable.clear();
    await time.advance(11_000);
    assert.equal(asked.length, 1);
  });

  it('begins with the tokens of which all replicas can be asked', async () => {
    unreadable.add('d');
    await mark('b', 3, 70);
    await time.advance(1_001);
    assert.deepEqual(lastTokens(), [3]);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), [70]);
    unreadable.clear();
    await time.advance(11_000);
    assert.deepEqual(lastTokens(), [70]);
  });

  it('begins a new round when a source was lost in the middle of one', async () => {
    await mark('b', 3, 70);
    await time.advance(1_001);
    answer(copying);
    unreadable.add('d');
    await time.advance(2_000);
    assert.deepEqual(lastTokens(), [3]);
    assert.notEqual(asked[0]?.request.round, asked[1]?.request.round);
    answer(copied);
    assert.deepEqual(dirtyOf('b'), [70]);
  });

  it('asks a target that is rebuilding, and no source that is', async () => {
    unreadable.add('b');
    await mark('b', 3);
    await mark('c', 3);
    await time.advance(1_001);
    assert.deepEqual(
      asked.map(({ node }) => node),
      ['b'],
    );
  });

  it('asks the own replica as any other', async () => {
    await mark('a', 3);
    await time.advance(1_001);
    assert.equal(asked[0]?.node, 'a');
    answer(copied);
    assert.deepEqual(dirtyOf('a'), []);
  });

  it('clears tokens that the target does not hold any more', async () => {
    await mark('b', 3, 130);
    await time.advance(1_001);
    assert.deepEqual(lastTokens(), [3]);
    assert.deepEqual(dirtyOf('b'), [3]);
  });

  it('asks nothing after it was stopped', async () => {
    await mark('b', 3);
    healer.stop();
    await mark('c', 3);
    await time.advance(30_000);
    assert.equal(asked.length, 0);
  });
});
