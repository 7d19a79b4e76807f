import { QuorateError } from '../base/quorate-error.ts';
import type { ZookeeperAddress } from '../config/zookeeper-address.ts';
import {
  ClusterDirectory,
  type ClusterListing,
} from '../membership/zookeeper/cluster-directory.ts';
import type { OpenConnection } from '../membership/zookeeper/connection.ts';
import { ZookeeperError } from '../membership/zookeeper/zookeeper-error.ts';
import { formatHostPort, type NodeAddress } from '../ring/node-address.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import type { NodeSource } from './node-source.ts';

/** The nodes that are registered in ZooKeeper, or one sentence about why there are none to ask. */
export interface ZookeeperNodesComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly connect: OpenConnection;
}

export class ZookeeperNodes implements NodeSource {
  readonly #directory: ClusterDirectory;
  readonly #servers: string;
  readonly #root: string;

  constructor(components: ZookeeperNodesComponents, { servers, root }: ZookeeperAddress) {
    this.#directory = new ClusterDirectory(components, { servers, root });
    this.#servers = servers.map(formatHostPort).join(',');
    this.#root = root;
  }

  async list(timeoutMs: number): Promise<readonly NodeAddress[]> {
    const listing = await this.#read(timeoutMs);
    const cluster = `the cluster at ${this.#root} in ZooKeeper at ${this.#servers}`;
    if (!listing.hasRoot) {
      const where = `ZooKeeper at ${this.#servers} has no cluster at ${this.#root}`;
      throw missing('root', `${where}: start its nodes with this ZooKeeper, or name another root`);
    }
    if (listing.nodes.length === 0) {
      throw missing('nodes', `${cluster} has no registered node: start its nodes`);
    }
    if (listing.status !== 'READY') {
      const status = listing.status ?? 'without a status';
      const next = 'wait until its nodes are there or its startup window is over';
      throw missing('status', `${cluster} is not ready, it is ${status}: ${next}`);
    }
    return listing.nodes;
  }

  async #read(timeoutMs: number): Promise<ClusterListing> {
    try {
      const listing = await this.#directory.read(timeoutMs);
      if (listing !== undefined) return listing;
    } catch (error: unknown) {
      if (!(error instanceof ZookeeperError)) throw error;
      const refusal = `ZooKeeper at ${this.#servers} refuses to tell of ${this.#root}`;
      throw missing('zookeeper', `${refusal} (${error.message}): look at its access lists`);
    }
    const silence = `no ZooKeeper answers at ${this.#servers}`;
    throw missing('zookeeper', `${silence}: is it running there? A node can be named instead`);
  }
}

function missing(what: string, sentence: string): QuorateError {
  return new QuorateError('NO_COORDINATOR', { mayHaveApplied: false, missing: what }, sentence);
}
