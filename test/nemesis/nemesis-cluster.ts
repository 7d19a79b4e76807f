import { formatHex } from '../../src/base/bytes.ts';
import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import { keyFromWire, spellingToWire } from '../../src/wire/key-form.ts';
import { freePorts, ProcessCluster } from '../support/processes.ts';
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

  /** The own address of a node that is told as one of the proxies. */
  directOf(address: string): string {
    const [host, port] = address.split(':');
    return `${host}:${this.network.targetOf(Number(port)) ?? port}`;
  }

  /** Settles when every node sees every other. */
  async untilWhole(): Promise<void> {
    await this.nodes.untilMet(this.names, metMsMax);
  }

  /** What nodes still owe each other. */
  async owed(): Promise<readonly string[]> {
    const owed: string[] = [];
    for (const name of this.names) {
      const client = this.nodes.client(name);
      for (const { node, count, dirtyTokens } of await client.listHints()) {
        if (count + dirtyTokens.length === 0) continue;
        owed.push(`${name} owes ${node} ${count} keys and ${dirtyTokens.length} tokens`);
      }
      client.close();
    }
    return owed;
  }

  /** The keys that are not held by all their replicas in one version, and what each holds. */
  async differences(): Promise<readonly string[]> {
    const held = new Map<string, string[]>();
    const versions = new Map<string, Set<string>>();
    for (const name of this.names) {
      const client = this.nodes.client(name);
      for await (const { key, version } of client.listEntries()) {
        const shown = formatHex(keyFromWire(spellingToWire(key)));
        held.set(shown, [...(held.get(shown) ?? []), `${name} ${version}`]);
        versions.set(shown, (versions.get(shown) ?? new Set()).add(version));
      }
      client.close();
    }
    return [...held]
      .filter(([key, each]) => each.length !== 3 || versions.get(key)?.size !== 1)
      .map(([key, each]) => `${key}: ${each.join(', ')}`);
  }

  async stop(): Promise<void> {
    await this.nodes.stop();
    this.network.close();
    await this.zookeeper?.stop();
  }
}
