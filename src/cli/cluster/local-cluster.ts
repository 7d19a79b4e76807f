import { NodeClient } from '../../client/node-client.ts';
import { formatHostPort, type NodeAddress } from '../../config/replicas-file.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LaunchedNode } from './launched-node.ts';

/**
 * The nodes of a replicas file on this machine, one process each: starts them, waits until they
 * have met, tells when one ends, restarts it, and stops all. It holds no data.
 */
export interface LocalClusterOptions {
  readonly replicas: readonly NodeAddress[];
  /** The command line of a node. */
  readonly argsOf: (replica: NodeAddress) => readonly string[];
  /** Whether a node that ended by itself is started again. */
  readonly restarts: boolean;
  /** Gets each line that a node logs. */
  readonly onLine: (node: string, line: string) => void;
  /** Gets what people should know, a sentence each. */
  readonly say: (sentence: string) => void;
}

/** The launcher ends within 5 s: nodes that still drain after this are killed. */
const stopMsMax = 4_000;
const meetMsMax = 10_000;
const pollMs = 100;
const restartMsFirst = 500;
const restartMsMax = 8_000;
/** A node that ran this long did not fail for the reason it failed for before. */
const healthyMs = 30_000;

export class LocalCluster {
  readonly #clock: Clock;
  readonly #options: LocalClusterOptions;
  readonly #nodes: ReadonlyMap<string, LaunchedNode>;
  readonly #restartMs = new Map<string, number>();
  readonly #startedAtMs = new Map<string, number>();
  #isStopping = false;

  constructor(components: { readonly clock: Clock }, options: LocalClusterOptions) {
    this.#clock = components.clock;
    this.#options = options;
    this.#nodes = new Map(
      options.replicas.map((replica) => [replica.name, this.#createNode(replica)]),
    );
  }

  /** Starts all nodes; settles when they are ready and have met. @throws QuorateError */
  async start(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => this.#startNode(node)));
    if (!(await this.meet()) && !this.#isStopping) {
      this.#options.say('the nodes are ready, but not all of them can reach each other yet');
    }
  }

  /** Stops everything that was started, within 5 s. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const nodes = [...this.#nodes.values()];
    const ended = Promise.all(nodes.map((node) => node.stop()));
    const timer = this.#clock.schedule(stopMsMax, () => {
      for (const node of nodes) void node.kill();
    });
    await ended;
    timer.cancel();
  }

  /** Stops a node if it runs and starts it. @throws QuorateError if it does not start. */
  async restart(name: string): Promise<void> {
    const node = this.#node(name);
    if (node === undefined) return;
    await node.stop();
    await this.#startNode(node);
    this.#options.say(`${name} is ready again`);
  }

  /** Ends a node without warning, as a crash would. */
  async kill(name: string): Promise<void> {
    const node = this.#node(name);
    if (node?.state === 'stopped') this.#options.say(`${name} is not running`);
    await node?.kill();
  }

  /** The process ids of the nodes that run. */
  pids(): readonly number[] {
    return [...this.#nodes.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** A line for each node. */
  describe(): readonly string[] {
    return this.#options.replicas.map((replica) => {
      const node = this.#nodes.get(replica.name);
      const pid = node?.pid === undefined ? '' : `  pid ${node.pid}`;
      return `${replica.name}  ${formatHostPort(replica)}  ${node?.state ?? 'stopped'}${pid}`;
    });
  }

  #node(name: string): LaunchedNode | undefined {
    const node = this.#nodes.get(name);
    const names = [...this.#nodes.keys()].join(', ');
    if (node === undefined) this.#options.say(`there is no node "${name}": say one of ${names}`);
    return node;
  }

  #createNode(replica: NodeAddress): LaunchedNode {
    const { name } = replica;
    return new LaunchedNode({
      name,
      args: this.#options.argsOf(replica),
      onLine: (line) => this.#options.onLine(name, line),
      onExit: ({ how, wasTold }) => this.#onExit(name, how, wasTold),
    });
  }

  async #startNode(node: LaunchedNode): Promise<void> {
    this.#startedAtMs.set(node.name, this.#clock.monotonicMs());
    await node.start();
  }

  #onExit(name: string, how: string, wasTold: boolean): void {
    if (this.#isStopping) return;
    const { say, restarts } = this.#options;
    if (wasTold || !restarts) {
      say(`${name} has ended (${how}); type "restart ${name}" to start it again`);
      return;
    }
    const ranMs = this.#clock.monotonicMs() - (this.#startedAtMs.get(name) ?? 0);
    const lastMs = ranMs > healthyMs ? undefined : this.#restartMs.get(name);
    const delayMs = Math.min((lastMs ?? restartMsFirst / 2) * 2, restartMsMax);
    this.#restartMs.set(name, delayMs);
    say(`${name} has ended (${how}); it is started again in ${delayMs / 1_000} s`);
    this.#clock.schedule(delayMs, () => void this.#restartBySelf(name));
  }

  async #restartBySelf(name: string): Promise<void> {
    if (this.#isStopping || this.#nodes.get(name)?.state !== 'stopped') return;
    try {
      await this.restart(name);
    } catch (error: unknown) {
      this.#onExit(name, error instanceof Error ? error.message : String(error), false);
    }
  }

  /** Waits until every node sees every other and their clocks are compared. @returns whether in time. */
  async meet(): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + meetMsMax;
    const clients = this.#options.replicas.map(
      (replica) => new NodeClient(formatHostPort(replica), { timeoutMs: 1_000 }),
    );
    try {
      while (!this.#isStopping && this.#clock.monotonicMs() < untilMs) {
        const met = await Promise.all(clients.map(hasMetAll));
        if (met.every(Boolean)) return true;
        await new Promise<void>((resolve) => this.#clock.schedule(pollMs, resolve));
      }
      return false;
    } finally {
      for (const client of clients) client.close();
    }
  }
}

async function hasMetAll(client: NodeClient): Promise<boolean> {
  try {
    const { status, nodes, clock } = await client.describeCluster();
    const areUp = nodes.every(({ liveness }) => liveness === 'up');
    return status === 'ready' && areUp && (nodes.length === 1 || clock !== 'uncompared');
  } catch {
    return false;
  }
}
