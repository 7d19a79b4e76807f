import { QuorateError } from '../base/quorate-error.ts';
import type { Key } from '../client/typed/key-view.ts';
import type { ConnectOptions } from '../client/typed/options.ts';
import { QuorateClient } from '../client/typed/quorate-client.ts';
import { nodeRing } from '../node/node-ring.ts';
import { formatHostPort } from '../ring/node-address.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { keyFromWire, spellingToWire } from '../wire/key-form.ts';
import { ClusterNetwork } from './cluster-network.ts';
import {
  type CheckedOptions,
  checkOptions,
  invalid,
  type TestClusterOptions,
} from './test-cluster-options.ts';
import { TestNode } from './test-node.ts';

/** How long nodes may take to find out what a fault has changed, and how often that is looked at. */
const noticedMsMax = 15_000;
const lookEveryMs = 2;

/**
 * A cluster in this process, for tests: real nodes that talk gRPC on free ports of 127.0.0.1, and
 * the faults that a service should survive.
 *
 *     await using cluster = await TestCluster.start({ nodes: 4 });
 *     await using client = await cluster.connect();
 *     await client.put('greeting', 'hello');
 *     await cluster.kill('replica0');
 *     await client.get('greeting'); // "hello"
 *
 * A fault is in force, and the nodes have noticed it, when its promise settles; only a pause is
 * noticed by itself, after 1.5 s of silence. Faults that are made at once take effect one after the
 * other. `await using`, or {@link TestCluster.stop}, ends everything.
 */
export class TestCluster implements AsyncDisposable {
  readonly #clock: Clock = new SystemClock();
  readonly #ring: Ring;
  readonly #network: ClusterNetwork;
  readonly #nodes: ReadonlyMap<string, TestNode>;
  readonly #clients: QuorateClient[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  /**
   * Starts all nodes; settles when each takes requests and has met every other.
   *
   * @throws QuorateError INVALID_ARGUMENT whose `details.field` names a wrong option, CONFIGURATION
   *   if a node does not start on what is in `dataDirectory`.
   */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(checkOptions(options));
    try {
      await cluster.#network.listen();
      await cluster.#start([...cluster.#nodes.values()]);
      return cluster;
    } catch (error: unknown) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor({ names, mode, dataDirectory }: CheckedOptions) {
    this.#ring = nodeRing({ replicas: names.map((name) => ({ name })) });
    this.#network = new ClusterNetwork(this.#clock, names);
    this.#nodes = new Map(
      names.map((name) => {
        const onEnd = () =>
          void this.#nodes
            .get(name)
            ?.kill()
            .catch(() => undefined);
        return [name, new TestNode(this.#network, { name, mode, dataDirectory, onEnd })];
      }),
    );
  }

  /** The names of the nodes, in the order of the ring: `replica0`, `replica1` and so on. */
  get nodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** The names of the nodes that run, paused or not. */
  get running(): readonly string[] {
    return this.#running().map(({ name }) => name);
  }

  /** What `QuorateClient.connect` takes: all nodes, as `quorate://127.0.0.1:port,...`. */
  get connectionString(): string {
    return `quorate://${this.#network.addresses().map(formatHostPort).join(',')}`;
  }

  /**
   * Where clients reach a node, as `host:port`. It stays the same over restarts.
   *
   * @throws QuorateError INVALID_ARGUMENT if there is no such node.
   */
  address(node: string): string {
    const { name } = this.#get(node);
    const [address] = this.#network.addresses().filter((other) => other.name === name);
    return address === undefined ? '' : formatHostPort(address);
  }

  /**
   * The nodes that hold a key, its owner first: three of them, or all if there are fewer.
   *
   * @throws QuorateError INVALID_KEY
   */
  replicasOf(key: Key): readonly string[] {
    return this.#ring.preferenceList(
      this.#ring.partitioner.tokenOf(keyFromWire(spellingToWire(key))),
    );
  }

  /** A client of the cluster, which ends with the cluster if it has not before. */
  async connect(options: ConnectOptions = {}): Promise<QuorateClient> {
    this.#requireGoingOn();
    const client = await QuorateClient.connect(this.connectionString, options);
    this.#clients.push(client);
    return client;
  }

  /**
   * Kills a node as SIGKILL does: its connections are reset, new ones are refused, and what it had
   * in memory is gone. What it had stored or acknowledged is there after {@link restart}. A node
   * that is killed already stays so.
   */
  kill(node: string): Promise<void> {
    return this.#change(node, (found) => found.kill());
  }

  /**
   * Starts a node again at the address that it had, with the data that it had; one that still runs
   * is killed first. Settles when it takes requests.
   */
  restart(node: string): Promise<void> {
    return this.#change(node, async (found) => {
      await found.kill();
      await this.#untilNoticed();
      await this.#start([found]);
    });
  }

  /**
   * Lets a node stand still as SIGSTOP does: its connections stay and new ones are taken, but it
   * neither hears nor says anything until {@link resume}. The others and the clients find that out
   * by its silence.
   *
   * @throws QuorateError INVALID_ARGUMENT if it does not run.
   */
  pause(node: string): Promise<void> {
    return this.#change(node, async (found) => {
      if (found.node === undefined)
        throw invalid('node', `"${node}" does not run: restart it first`);
      this.#network.setPaused(node, true);
    });
  }

  /** Lets a node go on: what was said to it in the meantime reaches it now, and the other way round. */
  resume(node: string): Promise<void> {
    return this.#change(node, async () => this.#network.setPaused(node, false));
  }

  /**
   * Cuts the connections between groups of nodes, in place of any partition before; clients still
   * reach every node. Nodes that are in no group make up one more: `partition([['replica0']])` cuts
   * one node off from all others.
   *
   * @throws QuorateError INVALID_ARGUMENT if a node is unknown or in two groups.
   */
  partition(groups: readonly (readonly string[])[]): Promise<void> {
    return this.#exclusively(async () => {
      const groupOf = new Map<string, number>();
      for (const [index, group] of groups.entries()) {
        for (const node of group) {
          this.#get(node, `groups[${index}]`);
          if (groupOf.has(node)) throw invalid(`groups[${index}]`, `has "${node}" a second time`);
          groupOf.set(node, index);
        }
      }
      this.#network.partition(groupOf);
    });
  }

  /** Ends the partition; settles when the nodes have met again. */
  heal(): Promise<void> {
    return this.#exclusively(async () => this.#network.partition(new Map()));
  }

  /**
   * Sets the clock of a node that many milliseconds ahead of the machine's, or behind it if negative,
   * until it is set anew; 0 sets it right. A kill does not change it. More than 250 ms from the median
   * of the others a node refuses to coordinate writes, with CLOCK_SKEW.
   */
  skew(node: string, milliseconds: number): Promise<void> {
    return this.#change(node, async (found) => {
      if (!Number.isFinite(milliseconds)) {
        throw invalid('milliseconds', `is ${milliseconds}: it may be any finite number`);
      }
      found.skewMs = milliseconds;
      for (const { name, node: other } of this.#running()) {
        for (const peer of name === node ? this.nodes : [node]) {
          if (peer !== name) other.compareClock(peer);
        }
      }
    });
  }

  /** Ends the clients of {@link connect} and all nodes; does nothing the second time. */
  stop(): Promise<void> {
    this.#stopping ??= this.#last.then(() => this.#stop());
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    for (const name of this.nodes) this.#network.setPaused(name, false);
    try {
      await allSettled(this.#clients.map((client) => client.close()));
      await allSettled([...this.#nodes.values()].map((node) => node.stop()));
    } finally {
      this.#network.close();
    }
  }

  async #start(nodes: readonly TestNode[]): Promise<void> {
    await allSettled(nodes.map((node) => node.listen()));
    await allSettled(nodes.map((node) => node.start()));
    await this.#untilNoticed();
  }

  #change(node: string, change: (found: TestNode) => Promise<void>): Promise<void> {
    return this.#exclusively(() => change(this.#get(node)));
  }

  /** Makes a change after those that were asked for before, and waits until it is noticed. */
  #exclusively(change: () => Promise<void>): Promise<void> {
    const changed = this.#last.then(async () => {
      this.#requireGoingOn();
      await change();
      await this.#untilNoticed();
    });
    this.#last = changed.catch(() => undefined);
    return changed;
  }

  async #untilNoticed(): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + noticedMsMax;
    for (;;) {
      const missing = this.#unnoticed();
      if (missing === undefined) return;
      if (this.#clock.monotonicMs() > untilMs) throw new QuorateError('INTERNAL', {}, missing);
      await new Promise<void>((resolve) => this.#clock.schedule(lookEveryMs, resolve));
    }
  }

  /** What a node has not found out yet about another. */
  #unnoticed(): string | undefined {
    const awake = (name: string) => !this.#network.isPaused(name);
    const peers = this.nodes.filter(awake);
    for (const { name, node } of this.#running().filter((running) => awake(running.name))) {
      for (const peer of peers.filter((other) => other !== name)) {
        const isReached = this.#nodes.get(peer)?.node && this.#network.areJoined(name, peer);
        if (isReached && !node.hasMet(peer)) return `${name} has not met ${peer}`;
        if (!isReached && node.isLive(peer)) return `${name} still counts on ${peer}`;
      }
    }
    return undefined;
  }

  #running() {
    return [...this.#nodes.values()].flatMap(({ name, node }) =>
      node === undefined ? [] : [{ name, node }],
    );
  }

  #get(node: string, field = 'node'): TestNode {
    const found = this.#nodes.get(node);
    if (found !== undefined) return found;
    throw invalid(field, `names "${node}", but the nodes are ${this.nodes.join(', ')}`);
  }

  #requireGoingOn(): void {
    if (this.#stopping === undefined) return;
    throw new QuorateError('CANCELLED', {}, 'the test cluster has ended');
  }
}

/** Waits for all, also once one has failed, so that none goes on unseen. @throws what the first threw. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
