import { assert } from '../base/assert.ts';
import type { ReplicaClient, ReplicaDirectory } from '../coordinator/ports.ts';
import type { LinkSet } from '../links/link-set.ts';
import type { ReplicaService } from '../links/peer-session.ts';
import { OwnReplica } from './own-replica.ts';

/** The replicas as the coordinator sees them: the node's own, called directly, and the peers. */
export class NodeReplicaDirectory implements ReplicaDirectory {
  readonly #node: string;
  readonly #own: ReplicaClient;
  readonly #links: LinkSet;

  constructor(node: string, replica: ReplicaService, links: LinkSet) {
    this.#node = node;
    this.#links = links;
    this.#own = new OwnReplica(replica);
  }

  clientOf(node: string): ReplicaClient {
    if (node === this.#node) return this.#own;
    const link = this.#links.linkTo(node);
    assert(link !== undefined, 'a replica is a node of the ring');
    return link;
  }

  servesReads(node: string): boolean {
    return this.#links.standingOf(node).servesReads;
  }

  takesWrites(node: string): boolean {
    return this.#links.standingOf(node).takesWrites;
  }

  distanceMs(node: string): number {
    if (node === this.#node) return -1;
    return this.#links.linkTo(node)?.roundTripMs ?? Number.POSITIVE_INFINITY;
  }
}
