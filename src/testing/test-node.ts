import { join } from 'node:path';
import type { RepairMode } from '../consistency/repair-mode.ts';
import { QuorateNode } from '../node/quorate-node.ts';
import { silentLogger } from '../runtime/logger.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import type { ClusterNetwork } from './cluster-network.ts';
import { MemoryDirectory } from './memory-directory.ts';
import { MortalClock } from './mortal-clock.ts';
import { loopback } from './proxied-link.ts';

/** One node over all its runs: what it keeps, its wrong clock, and the run that is going on. */
export interface TestNodeOptions {
  readonly name: string;
  readonly mode: RepairMode;
  readonly dataDirectory: string | undefined;
  /** The run ends by itself: its disk has failed, or is not the one that the others know. */
  readonly onEnd: () => void;
}

interface Run {
  readonly clock: MortalClock;
  readonly node: QuorateNode;
}

export class TestNode {
  readonly name: string;
  readonly #network: ClusterNetwork;
  readonly #options: TestNodeOptions;
  readonly #memory = new MemoryDirectory();
  #run: Run | undefined;
  /** By how much its clock is wrong, in milliseconds. */
  skewMs = 0;

  constructor(network: ClusterNetwork, options: TestNodeOptions) {
    this.name = options.name;
    this.#network = network;
    this.#options = options;
  }

  /** The run that is going on. */
  get node(): QuorateNode | undefined {
    return this.#run?.node;
  }

  /** Begins a run that others can reach; it takes part after {@link start}. */
  async listen(): Promise<void> {
    const { name, mode, dataDirectory, onEnd } = this.#options;
    const clock = new MortalClock(new SystemClock(() => this.skewMs));
    const node = await QuorateNode.open(
      {
        logger: silentLogger,
        clock,
        ...(dataDirectory === undefined && { kept: this.#memory.open(clock) }),
        onDiskFailure: onEnd,
        onOutdated: onEnd,
      },
      {
        node: name,
        host: loopback,
        port: 0,
        replicas: this.#network.addresses(),
        peers: this.#network.addresses(name),
        mode,
        clusterName: 'test',
        ...(dataDirectory !== undefined && { dataDirectory: join(dataDirectory, name) }),
      },
    );
    this.#run = { clock, node };
    this.#network.up(name, await node.listen());
  }

  /** Settles when the node takes requests. */
  async start(): Promise<void> {
    try {
      await this.#run?.node.start();
    } catch (error: unknown) {
      await this.kill();
      throw error;
    }
  }

  /** Ends the run as a kill of its process would. */
  async kill(): Promise<void> {
    await this.#end((node) => node.kill());
  }

  /** Ends the run so that its directory is as after a stop in good order. */
  async stop(): Promise<void> {
    await this.#end((node) => node.stop());
  }

  async #end(how: (node: QuorateNode) => Promise<void>): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    this.#network.down(this.name);
    if (run === undefined) return;
    try {
      await how(run.node);
    } finally {
      run.clock.end();
    }
  }
}
