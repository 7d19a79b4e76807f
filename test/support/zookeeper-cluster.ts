/**
 * Real nodes with a real ZooKeeper of their own, and what tests ask of the two together: what each
 * node sees, what it has logged, and a session of the test's own to look into ZooKeeper.
 */
import assert from 'node:assert/strict';
import type { LocalZookeeper } from '../../src/cli/cluster/local-zookeeper.ts';
import type { ClusterAnswer } from '../../src/client/answers.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import { clientConnections } from '../../src/membership/zookeeper/zookeeper-connection.ts';
import { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { freePorts, ProcessCluster, until } from './processes.ts';
import { RawRpc } from './raw-rpc.ts';
import { startZookeeper } from './zookeeper.ts';

/** Whether the tests run at length. */
export const isLong = process.env['QUORATE_TEST_LONG'] === '1';

const rootDefault = '/quorate';

export interface ZookeeperClusterOptions {
  /** How many nodes; 4 by default. */
  readonly nodes?: number;
  readonly mode?: RepairMode;
  /** The longest session that ZooKeeper grants; the nodes ask for 6 s. */
  readonly sessionMsMax?: number;
  /** More flags of `quorate replica`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class ZookeeperCluster {
  readonly zookeeper: LocalZookeeper;
  readonly nodes: ProcessCluster;
  readonly #clients = new Map<string, NodeClient>();
  readonly #sessions: ZookeeperSession[] = [];
  readonly #rpcs = new Map<string, RawRpc>();

  constructor(zookeeper: LocalZookeeper, nodes: ProcessCluster) {
    this.zookeeper = zookeeper;
    this.nodes = nodes;
  }

  /** Nodes that have not been started, and a ZooKeeper that runs. */
  static async prepare(options: ZookeeperClusterOptions = {}): Promise<ZookeeperCluster> {
    const zookeeper = await startZookeeper(options.sessionMsMax);
    assert.ok(zookeeper !== undefined, 'there is a ZooKeeper');
    const { mode = 'HINTED-HANDOFF', env } = options;
    const address = `${zookeeper.address}${rootDefault}`;
    const args = ['--zookeeper', address, ...(options.args ?? [])];
    const nodeOptions = { mode, args, ...(env && { env }) };
    const nodes = new ProcessCluster(nodeOptions, await freePorts(options.nodes ?? 4));
    return new ZookeeperCluster(zookeeper, nodes);
  }

  /** All nodes run, have met and are registered. */
  static async start(options: ZookeeperClusterOptions = {}): Promise<ZookeeperCluster> {
    const cluster = await ZookeeperCluster.prepare(options);
    try {
      await cluster.nodes.start();
      await cluster.untilWhole();
      return cluster;
    } catch (error: unknown) {
      await cluster.stop();
      throw error;
    }
  }

  get names(): readonly string[] {
    return this.nodes.names;
  }

  /** One client of each node. */
  client(name: string): NodeClient {
    const client = this.#clients.get(name) ?? this.nodes.client(name, { timeoutMs: 2_000 });
    this.#clients.set(name, client);
    return client;
  }

  /** The cluster as a node sees it. */
  seenBy(name: string): Promise<ClusterAnswer> {
    return this.client(name).describeCluster();
  }

  /** What these nodes see of one node: whether each sees this run of it registered and up. */
  async isSeen(name: string, incarnation?: string, by = this.names): Promise<boolean> {
    const views = await Promise.all(by.map((observer) => this.seenBy(observer)));
    return views.every(({ nodes, membershipState }) => {
      const seen = nodes.find((node) => node.name === name);
      const isRun = incarnation === undefined || seen?.incarnation === incarnation;
      const isThere = seen?.registered === true && seen.liveness === 'up';
      return membershipState === 'connected' && isThere && isRun;
    });
  }

  /** Whether every node sees every node registered and up. */
  async isWhole(): Promise<boolean> {
    try {
      const seen = await Promise.all(this.names.map((name) => this.isSeen(name)));
      return seen.every(Boolean);
    } catch {
      // A channel that was refused before its node listened waits for its next try.
      return false;
    }
  }

  untilWhole(timeoutMs = 30_000): Promise<void> {
    return until('every node sees all registered and up', () => this.isWhole(), timeoutMs);
  }

  /** What a node's health says of a service; `undefined` if it cannot be asked. */
  isServing(name: string, service: string): Promise<boolean | undefined> {
    const rpc = this.#rpcs.get(name) ?? new RawRpc(this.nodes.address(name));
    this.#rpcs.set(name, rpc);
    return rpc.isServing(`quorate.v1.${service}`);
  }

  /** What the run of a node that was started last has logged under this name. */
  logged(name: string, event: string): readonly LogEvent[] {
    return logEvents(this.nodes.node(name).stderr).filter((line) => line.event === event);
  }

  /** A session of the test's own; ended with the cluster. */
  async openSession(sessionTimeoutMs = 6_000): Promise<ZookeeperSession> {
    const session = createSession(this.zookeeper, { sessionTimeoutMs });
    this.#sessions.push(session);
    session.start();
    await until('the session is connected', () => session.state === 'connected');
    return session;
  }

  async stop(): Promise<void> {
    for (const rpc of this.#rpcs.values()) rpc.close();
    await Promise.all(this.#sessions.map((session) => session.stop()));
    await this.nodes.stop();
    await this.zookeeper.stop();
  }
}

/** One line of a node's log. */
export interface LogEvent {
  readonly event: string;
  /** By the machine's clock. */
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The whole lines of a log, parsed. */
export function logEvents(text: string): readonly LogEvent[] {
  const lines = text.split('\n').slice(0, -1);
  return lines
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const {
        event,
        time,
        data = {},
      } = JSON.parse(line) as {
        event: string;
        time: string;
        data?: Record<string, unknown>;
      };
      return { event, atMs: Date.parse(time), data };
    });
}

export interface TestSessionOptions {
  readonly root?: string;
  readonly sessionTimeoutMs?: number;
  readonly auth?: string;
}

/** A session with the cluster's root, not started. */
export function createSession(
  zookeeper: { readonly port: number },
  { sessionTimeoutMs = 6_000, root = rootDefault, auth }: TestSessionOptions = {},
): ZookeeperSession {
  return new ZookeeperSession(
    {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: silentLogger,
      connect: clientConnections(undefined, auth),
    },
    {
      servers: [{ host: '127.0.0.1', port: zookeeper.port }],
      root,
      sessionTimeoutMs,
    },
  );
}

/** The median and the greatest of some times, for the report of a test. */
export function describeTimes(times: readonly number[]): string {
  const sorted = [...times].sort((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `median ${Math.round(median)} ms, max ${Math.round(sorted.at(-1) ?? 0)} ms of ${sorted.length}`;
}
