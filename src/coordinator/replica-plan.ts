import {
  type ConsistencyLevel,
  isLinearizable,
  requiredAcks,
} from '../consistency/consistency-level.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';

/**
 * One request's frozen choice of nodes and needed answers, made from one view of ring and
 * liveness. Nothing looks at either again for this request (as Cassandra's replica plans).
 */
export interface ReplicaPlan {
  readonly key: Uint8Array;
  readonly token: Token;
  readonly level: ConsistencyLevel;
  /** Whether the level agrees on versions and spreads what it reads: QUORUM and ALL. */
  readonly isLinearizable: boolean;
  /** How many answers are needed; more than there are replicas if the level cannot be met. */
  readonly required: number;
  readonly ringEpoch: number;
  /** The key's preference list. */
  readonly replicas: readonly string[];
  /** Those of them that say what they hold, nearest first. */
  readonly readable: readonly string[];
  /** Those of them that take stores, nearest first. */
  readonly writable: readonly string[];
}

/** Who can be asked now, and how near they are. */
export interface LivenessView {
  servesReads(node: string): boolean;
  takesWrites(node: string): boolean;
  distanceMs(node: string): number;
}

/** Plans a request for a key at a level. */
export function planReplicas(
  ring: Ring,
  liveness: LivenessView,
  key: Uint8Array,
  level: ConsistencyLevel,
): ReplicaPlan {
  const token = ring.partitioner.tokenOf(key);
  const replicas = ring.preferenceList(token);
  const nearest = [...replicas].sort(
    (left, right) => liveness.distanceMs(left) - liveness.distanceMs(right),
  );
  return {
    key,
    token,
    level,
    isLinearizable: isLinearizable(level),
    required: requiredAcks(level, replicas.length),
    ringEpoch: ring.epoch,
    replicas,
    readable: nearest.filter((node) => liveness.servesReads(node)),
    writable: nearest.filter((node) => liveness.takesWrites(node)),
  };
}
