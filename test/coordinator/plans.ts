import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { planReplicas, type ReplicaPlan } from '../../src/coordinator/replica-plan.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { numberKey } from '../record/samples.ts';

/** Plans for key 0, whose replicas are a, b, c and so on, in this order. */

const replicaNames = ['a', 'b', 'c', 'd', 'e'] as const;

/** A plan for so many replicas, those of them live that are named, in that order. */
export function planOf(
  level: ConsistencyLevel,
  replicas = 3,
  live: readonly string[] = replicaNames.slice(0, replicas),
): ReplicaPlan {
  const ring = new Ring({
    epoch: 7,
    partitioner: byteOrderedPartitioner,
    replicationFactor: replicas,
    owners: evenOwners(replicaNames.slice(0, Math.max(4, replicas))),
  });
  const liveness = {
    servesReads: (node: string) => live.includes(node),
    takesWrites: (node: string) => live.includes(node),
    distanceMs: (node: string) => live.indexOf(node),
  };
  return planReplicas(ring, liveness, numberKey(0), level);
}
