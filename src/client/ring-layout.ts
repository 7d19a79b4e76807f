import { QuorateError } from '../base/quorate-error.ts';
import { partitionerNamed, partitionerNames } from '../ring/partitioner.ts';
import { evenOwners, Ring } from '../ring/ring.ts';
import type { ClusterAnswer } from './answers.ts';

/** A run of tokens with one owner, and the nodes that hold its keys, the owner first. */
export interface RingRange {
  readonly first: number;
  readonly last: number;
  readonly owner: string;
  readonly preferenceList: readonly string[];
}

/**
 * The ring of a cluster, worked out from the description of a node.
 *
 * @throws QuorateError UNIMPLEMENTED if the node's counts show another ring than this client knows.
 */
export function ringOf(cluster: ClusterAnswer): Ring {
  const { nodes, ringEpoch: epoch, replicationFactor } = cluster;
  const owners = evenOwners(nodes.map(({ name }) => name));
  const name = partitionerNames.find((known) => known === cluster.partitioner);
  const partitioner = partitionerNamed(name ?? 'byte-ordered');
  const ring = new Ring({ epoch, partitioner, replicationFactor, owners });
  if (nodes.some((node) => ring.tokensOwned(node.name) !== node.tokensOwned)) {
    const message = 'this client is older than the node and does not know its ring: update it';
    throw new QuorateError('UNIMPLEMENTED', {}, message);
  }
  return ring;
}

/** The ranges of a ring. */
export function ringLayout(ring: Ring): readonly RingRange[] {
  return ring.ranges().map((range) => ({
    ...range,
    preferenceList: ring.preferenceList(range.first),
  }));
}
