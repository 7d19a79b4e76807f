import {
  type ConsistencyLevel,
  isLinearizable,
  requiredAcks,
} from '../consistency/consistency-level.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import type { ReplicaDirectory } from './ports.ts';

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
  const nearest = nearestFirst(replicas, liveness);
  return {
    key,
    token,
    level,
    isLinearizable: isLinearizable(level),
    required: requiredAcks(level, replicas.length),
    ringEpoch: ring.epoch,
    replicas,
    readable: those(nearest, (node) => liveness.servesReads(node)),
    writable: those(nearest, (node) => liveness.takesWrites(node)),
  };
}

/** By distance, those of one distance in the order of the preference list. */
function nearestFirst(replicas: readonly string[], liveness: LivenessView): readonly string[] {
  const nearest = [...replicas];
  const distancesMs = replicas.map((node) => liveness.distanceMs(node));
  // They are few: moving them costs less than a sort that calls a function for each comparison.
  for (let from = 1; from < nearest.length; from++) {
    for (let at = from; at > 0 && (distancesMs[at - 1] ?? 0) > (distancesMs[at] ?? 0); at--) {
      swap(nearest, at);
      swap(distancesMs, at);
    }
  }
  return nearest;
}

/** Swaps an item with the one before it. */
function swap<Item>(items: Item[], at: number): void {
  const [before, item] = [items[at - 1], items[at]];
  if (before === undefined || item === undefined) return;
  items[at - 1] = item;
  items[at] = before;
}

/** Those of the nodes, which are nearly always all of them. */
function those(nodes: readonly string[], isOne: (node: string) => boolean): readonly string[] {
  return nodes.every(isOne) ? nodes : nodes.filter(isOne);
}

/** How many of the nodes would queue a request of so many bytes now. */
export function countRoomy(
  replicas: Pick<ReplicaDirectory, 'clientOf'>,
  nodes: readonly string[],
  bytes: number,
): number {
  let roomy = 0;
  for (const node of nodes) if (replicas.clientOf(node).hasRoom(bytes)) roomy++;
  return roomy;
}
