import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planReplicas } from '../../src/coordinator/replica-plan.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { numberKey } from '../record/samples.ts';
import { planOf } from './plans.ts';

describe('a replica plan', () => {
  it('keeps the preference list and puts the live ones of it nearest first', () => {
    const ring = new Ring({
      epoch: 7,
      partitioner: byteOrderedPartitioner,
      replicationFactor: 3,
      owners: evenOwners(['r0', 'r1', 'r2', 'r3']),
    });
    const distances: Record<string, number> = { r0: 2, r1: -1, r2: 1, r3: 0 };
    const liveness = {
      servesReads: (node: string) => node !== 'r2',
      takesWrites: (node: string) => node !== 'r3',
      distanceMs: (node: string) => distances[node] ?? 0,
    };
    const plan = planReplicas(ring, liveness, numberKey(200), 'QUORUM');
    assert.deepEqual(plan.replicas, ['r3', 'r0', 'r1']);
    assert.deepEqual(plan.readable, ['r1', 'r3', 'r0']);
    assert.deepEqual(plan.writable, ['r1', 'r0'], 'a disk may be full where reads are served');
    assert.equal(plan.token, 200);
    assert.equal(plan.ringEpoch, 7);
  });

  it('needs answers by the replicas there are, live or not', () => {
    assert.equal(planOf('QUORUM', 3, ['a']).required, 2);
    assert.equal(planOf('ALL', 3, ['a']).required, 3);
    assert.equal(planOf('THREE', 2).required, 3);
    assert.equal(planOf('QUORUM', 2).required, 2);
  });

  it('is not changed by what happens to a node later', () => {
    const live = ['a', 'b', 'c'];
    const plan = planOf('QUORUM', 3, live);
    live.pop();
    assert.deepEqual(plan.readable, ['a', 'b', 'c']);
  });
});
