import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import { freePorts, ProcessCluster, until } from '../support/processes.ts';
import { startZookeeper } from '../support/zookeeper.ts';
import { PeerNetwork } from './peer-network.ts';

/** Four nodes as processes, with a proxy on every way from one to another. */
export interface NemesisClusterOptions {
  readonly isDurable: boolean;
  /** Whether ZooKeeper keeps the membership. */
  readonly zookeeper: boolean;
}

const nodesCount = 4;
/** Nodes that start under load share the machine with it. */
const metMsMax = 60_000;

export class NemesisCluster {
  readonly nodes: ProcessCluster;
  readonly network: PeerNetwork;
  readonly zookeeper: LocalZookeeper | undefined;

  private constructor(
    nodes: ProcessCluster,
    network: PeerNetwork,
    zookeeper: LocalZookeeper | undefined,
  ) {
    this.nodes = nodes;
    this.network = network;
    this.zookeeper = zookeeper;
  }

  /** Starts all. @throws Error if there should be a ZooKeeper and this machine has none. */
  static async start(options: NemesisClusterOptions): Promise<NemesisCluster> {
    const ports = await freePorts(nodesCount);
    const network = new PeerNetwork(
      new Map(ports.map((port, index) => [`replica${index}`, port] as const)),
    );
    await network.listen();
    const zookeeper = options.zookeeper ? await startZookeeper() : undefined;
    if (options.zookeeper && zookeeper === undefined) throw new Error('there is no ZooKeeper here');
    const nodes = new ProcessCluster(
      {
        mode: 'BOTH',
        isDurable: options.isDurable,
        args: zookeeper === undefined ? [] : ['--zookeeper', `${zookeeper.address}/nemesis`],
        peerPort: (from, to) => network.port(from, to),
      },
      ports,
    );
    const cluster = new NemesisCluster(nodes, network, zookeeper);
    try {
      await nodes.start();
      return cluster;
    } catch (error: unknown) {
      await cluster.stop();
      throw error;
    }
  }

  get names(): readonly string[] {
    return this.nodes.names;
  }

  /** Settles when every node sees every other. */
  async untilWhole(): Promise<void> {
    await this.nodes.untilMet(this.names, metMsMax);
  }

  /** How many keys and tokens all nodes together still owe each other. */
  async owed(): Promise<number> {
    let owed = 0;
    for (const name of this.names) {
      const client = this.nodes.client(name);
      for (const { count, dirtyTokens } of await client.listHints()) {
        owed += count + dirtyTokens.length;
      }
      client.close();
    }
    return owed;
  }

  /** How many keys are not held by all their replicas in one version. */
  async differingKeys(): Promise<number> {
    const versions = new Map<string, string[]>();
    for (const name of this.names) {
      const client = this.nodes.client(name);
      for await (const { key, version } of client.listEntries()) {
        versions.set(String(key), [...(versions.get(String(key)) ?? []), version]);
      }
      client.close();
    }
    const differing = [...versions.values()].filter(
      (held) => held.length !== 3 || new Set(held).size > 1,
    );
    return differing.length;
  }

  /** @returns what was counted last: 0, or more if that did not become 0 in time. */
  async untilNone(count: () => Promise<number>, timeoutMs: number): Promise<number> {
    let counted = await count();
    const look = async () => {
      counted = await count();
      return counted === 0;
    };
    if (counted > 0) await until('none', look, timeoutMs).catch(() => undefined);
    return counted;
  }

  async stop(): Promise<void> {
    await this.nodes.stop();
    this.network.close();
    await this.zookeeper?.stop();
  }
}
