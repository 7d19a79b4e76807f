import type { NodeAddress } from '../ring/node-address.ts';
import { type PartitionerName, partitionerNamed } from '../ring/partitioner.ts';
import { evenOwners, Ring } from '../ring/ring.ts';

/** What decides who holds which key; all nodes must be set up with the same. */
export interface NodeRingOptions {
  /** All nodes, in the order of the replicas file. */
  readonly replicas: readonly Pick<NodeAddress, 'name'>[];
  /** `byte-ordered` by default. */
  readonly partitioner?: PartitionerName;
  /** 3 by default. */
  readonly replicationFactor?: number;
}

const ringEpochFirst = 1;

/** The ring that nodes are in which are set up so. */
export function nodeRing(options: NodeRingOptions): Ring {
  return new Ring({
    epoch: ringEpochFirst,
    partitioner: partitionerNamed(options.partitioner ?? 'byte-ordered'),
    replicationFactor: options.replicationFactor ?? 3,
    owners: evenOwners(options.replicas.map(({ name }) => name)),
  });
}
