import { QuorateError } from '../base/quorate-error.ts';
import type { RepairMode } from '../consistency/repair-mode.ts';
import { defaultHintLimits, type HintLimits } from '../hints/hint-store.ts';
import type { Refusal } from '../links/frames.ts';
import { liveSilenceMsMax } from '../links/peer-link.ts';
import { StaticMembership } from '../membership/static-membership.ts';
import { clientConnections } from '../membership/zookeeper/zookeeper-connection.ts';
import { ZookeeperMembership } from '../membership/zookeeper/zookeeper-membership.ts';
import { ZookeeperSession } from '../membership/zookeeper/zookeeper-session.ts';
import { formatHostPort, type NodeAddress } from '../ring/node-address.ts';
import type { Ring } from '../ring/ring.ts';
import type { NodeStatus } from '../rpc/cluster-handlers.ts';
import { GrpcServer } from '../rpc/grpc-server.ts';
import { GrpcDialer } from '../rpc/peer-stream.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { SystemRandom } from '../runtime/system-random.ts';
import { type Disk, memoryDisk } from './disk.ts';
import { durableDisk, type Kept } from './durable-disk.ts';
import { Engine } from './engine.ts';
import { type NodeRingOptions, nodeRing } from './node-ring.ts';
import { openDisk } from './open-disk.ts';

/** How a node is set up; the defaults are those of the command line. */
export interface QuorateNodeOptions extends NodeRingOptions {
  readonly node: string;
  /** Where to listen; the port of the node's own line by default, a free one if 0. */
  readonly port?: number;
  /** Where to listen; the host of the node's own line by default. */
  readonly host?: string;
  /** All nodes, this one included, in the order of the replicas file. */
  readonly replicas: readonly NodeAddress[];
  /** Where this node reaches each other one, if that is not where clients do. */
  readonly peers?: readonly NodeAddress[];
  readonly mode: RepairMode;
  readonly clusterName?: string;
  readonly hintLimits?: Partial<HintLimits>;
  /** How long tombstones are kept, and values after they have expired; 10 days by default. */
  readonly tombstoneAgeMs?: number;
  /** Where the node keeps its data; without it, in memory. */
  readonly dataDirectory?: string;
  /** Whether to begin without data on purpose, in place of data that was lost. */
  readonly rebuild?: boolean;
  /** Whether the newest that is left takes the place of records that several replicas have lost. */
  readonly acceptsLoss?: boolean;
  /** Whether a snapshot may be taken for the data, as when a whole cluster is restored. */
  readonly restore?: boolean;
  /** Where ZooKeeper is; without it, membership is what the replicas file and the links say. */
  readonly zookeeper?: ZookeeperOptions;
}

interface ZookeeperOptions {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Where the cluster's znodes are, as `/quorate`. */
  readonly root: string;
  /** `user:password` that guards the znodes against changes; without it anybody can make them. */
  readonly auth?: string;
  /** How long a new cluster waits for all its nodes; 10,000 ms by default. */
  readonly startupWindowMs?: number;
  /** 6,000 ms by default; the server may grant another. */
  readonly sessionTimeoutMs?: number;
}

export interface QuorateNodeComponents {
  readonly logger: Logger;
  /** The node's clock; the machine's by default. Tests give it one that is wrong. */
  readonly clock?: Clock;
  /** What outlives the node in place of a data directory. */
  readonly kept?: Kept;
  /** Told when the disk has failed: nothing is acknowledged any more, and the process should end. */
  readonly onDiskFailure?: (reason: unknown) => void;
  /**
   * Told if the disk is not the one that this node had, and what to do: an older copy of it, or,
   * once the node was ready, another one than a peer knows.
   */
  readonly onOutdated?: (sentence: string) => void;
}

/** What the parts of one node share. */
interface NodeParts {
  readonly clock: Clock;
  readonly random: SystemRandom;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly disk: Disk;
  readonly onOutdated: (sentence: string) => void;
}

const clusterNameDefault = 'quorate';
/** How long requests in flight may take once the node is told to stop. */
const drainMsMax = 5_000;

const refusalCheckMs = 100;
/** How long a start waits for ZooKeeper before it goes on without. */
const zookeeperWaitMsMax = 5_000;
const startupWindowMsDefault = 10_000;
const zookeeperSessionMsDefault = 6_000;

/** A node: the engine and the gRPC server on its port. */
export class QuorateNode {
  readonly #options: QuorateNodeOptions;
  readonly #own: NodeAddress;
  readonly #engine: Engine;
  readonly #server: GrpcServer;
  readonly #zookeeper: ZookeeperMembership | undefined;
  #status: NodeStatus = 'initializing';
  #isClockApart = false;
  #outcastFor: Refusal | undefined;
  #listening: Promise<number> | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Opens what the node keeps.
   *
   * @throws QuorateError CONFIGURATION if it is not in the replicas file, or if its data directory
   * is not whole, not its own, or in use.
   */
  static async open(
    components: QuorateNodeComponents,
    options: QuorateNodeOptions,
  ): Promise<QuorateNode> {
    const { logger, kept, onDiskFailure: onFailure = () => undefined } = components;
    const { node, replicas, dataDirectory: directory } = options;
    const { rebuild = false, restore = false } = options;
    ownAddress(node, replicas);
    const ring = nodeRing(options);
    const clock = components.clock ?? new SystemClock();
    const shared = { clock, random: new SystemRandom(), logger, ring };
    const limits = { ...defaultHintLimits, ...options.hintLimits };
    const clusterName = options.clusterName ?? clusterNameDefault;
    const diskOptions = { node, limits, onFailure };
    let disk: Disk;
    if (kept !== undefined) disk = await durableDisk({ ...shared, kept }, diskOptions);
    else if (directory === undefined) disk = memoryDisk(shared, diskOptions);
    else {
      disk = await openDisk(shared, { ...diskOptions, clusterName, directory, rebuild, restore });
    }
    const onOutdated = (sentence: string) => components.onOutdated?.(sentence);
    return new QuorateNode({ ...shared, disk, onOutdated }, options);
  }

  private constructor(parts: NodeParts, options: QuorateNodeOptions) {
    const { clock, random, logger, ring, disk, onOutdated } = parts;
    const { node, replicas, peers = replicas, mode } = options;
    const clusterName = options.clusterName ?? clusterNameDefault;
    const transportClock = new SystemClock();
    this.#options = options;
    this.#own = ownAddress(node, replicas);
    const incarnation = random.uint64();
    this.#zookeeper = createZookeeper({ clock, random, logger, ring }, options, incarnation);
    this.#engine = new Engine(
      {
        clock,
        random,
        logger,
        ring,
        membership: this.#zookeeper ?? new StaticMembership(ring.nodes),
        disk,
        dialerOf: (peer) => new GrpcDialer(ownAddress(peer, peers)),
      },
      {
        node,
        clusterName,
        mode,
        incarnation,
        onOutdated,
        ...(options.tombstoneAgeMs !== undefined && { tombstoneAgeMs: options.tombstoneAgeMs }),
        acceptsLoss: options.acceptsLoss ?? false,
        onClockVerdict: (verdict) => {
          this.#isClockApart = verdict === 'apart';
          this.#tellHealth();
        },
      },
    );
    const {
      clockMonitor,
      coordinator,
      dirty,
      hints,
      links,
      membership,
      rebuild,
      scrubber,
      storage,
      walk,
    } = this.#engine;
    this.#server = new GrpcServer(
      {
        clock,
        clockMonitor,
        coordinator,
        dirty,
        hints,
        links,
        logger,
        membership,
        rebuild,
        ring,
        scrubber,
        snapshots: disk.snapshots,
        storage,
        transportClock,
        walk,
      },
      {
        node,
        clusterName,
        mode,
        addresses: replicas,
        storageKind: disk.kind,
        status: () => this.#status,
      },
    );
    links.onDataRefused((refusal) => this.#onDataRefused(refusal, onOutdated));
    // Without ZooKeeper the replicas file says who takes part, and that is never out of date.
    if (this.#zookeeper === undefined) this.#server.setMembershipCurrent(true);
    this.#zookeeper?.onState((state) => this.#server.setMembershipCurrent(state !== 'lost'));
  }

  /**
   * Listens, if it does not yet. @returns the port.
   *
   * @throws QuorateError CONFIGURATION if the port is taken.
   */
  listen(): Promise<number> {
    const { host = this.#own.host, port = this.#own.port } = this.#options;
    this.#listening ??= this.#server.listen(host, port);
    return this.#listening;
  }

  /**
   * Listens, meets the peers, and takes requests. Settles when the node is ready.
   *
   * @throws QuorateError CONFIGURATION if the port is taken, if every peer that answers refuses this
   * node, or if one refuses it for its data.
   */
  async start(): Promise<void> {
    try {
      await this.listen();
    } catch (error: unknown) {
      await this.stop();
      throw error;
    }
    await Promise.all([this.#engine.start(), this.#zookeeper?.start(zookeeperWaitMsMax)]);
    const { message } = (await this.#refusal()) ?? this.#outcastFor ?? {};
    const refusal = this.#zookeeper?.ringProblem ?? message;
    if (refusal !== undefined) {
      await this.stop();
      throw new QuorateError('CONFIGURATION', {}, refusal);
    }
    if (this.#status === 'draining') return;
    this.#engine.open();
    this.#status = 'ready';
    this.#tellHealth();
  }

  /**
   * Why no peer talks to this node, if that is so. The peers may still believe in the last run of
   * this name, whose connections ended without a word: they do so until it was silent for a while.
   */
  async #refusal(): Promise<Refusal | undefined> {
    const { clock, links } = this.#engine;
    const untilMs = clock.monotonicMs() + 2 * liveSilenceMsMax;
    for (;;) {
      const refusals = links.outcastFor();
      const isDuplicate = refusals.some(({ reason }) => reason === 'duplicate-node');
      if (!isDuplicate || clock.monotonicMs() >= untilMs) return refusals[0];
      await new Promise<void>((resolve) => clock.schedule(refusalCheckMs, resolve));
    }
  }

  /** Where the others reach this node. */
  get address(): string {
    return formatHostPort(this.#own);
  }

  /** Whether another node can be asked now. */
  isLive(peer: string): boolean {
    return this.#engine.links.isLive(peer);
  }

  /** Whether another node can be asked now, and this node knows how their clocks differ. */
  hasMet(peer: string): boolean {
    return this.isLive(peer) && this.#engine.clockMonitor.aheadMs(peer) !== undefined;
  }

  /** Compares its clock with that of another node anew; {@link hasMet} when that is done. */
  compareClock(peer: string): void {
    this.#engine.clockMonitor.forget(peer);
    this.#engine.links.linkTo(peer)?.ping();
  }

  /**
   * Ends at once, as if its process were killed: nothing more is answered, and what it keeps is as
   * after a crash. Settles when another run of the node may begin.
   */
  kill(): Promise<void> {
    this.#status = 'draining';
    this.#server.kill();
    this.#stopping ??= this.#die();
    return this.#stopping;
  }

  /** Takes no new requests, ends those in flight, and stops, once. Settles within about 8 s. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #die(): Promise<void> {
    await Promise.all([this.#engine.stop(true), this.#zookeeper?.stop()]);
  }

  async #stop(): Promise<void> {
    this.#status = 'draining';
    this.#tellHealth();
    await this.#drain();
    await this.#zookeeper?.stop();
    // The links end first: their streams would keep the server waiting.
    await this.#engine.stop();
    await this.#server.stop();
  }

  /** One peer is enough: two nodes that lost their disks would else make a quorum of nothing. */
  #onDataRefused(refusal: Refusal, onOutdated: NodeParts['onOutdated']): void {
    const isKnown = this.#outcastFor !== undefined;
    this.#outcastFor = refusal;
    if (isKnown || this.#status !== 'ready') return;
    this.#status = 'draining';
    this.#tellHealth();
    void this.#engine.drain();
    onOutdated(refusal.message);
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      const limit = this.#engine.clock.schedule(drainMsMax, resolve);
      void this.#engine.drain().then(() => {
        limit.cancel();
        resolve();
      });
    });
  }

  #tellHealth(): void {
    this.#server.setReady(this.#status === 'ready' && !this.#isClockApart);
  }
}

function createZookeeper(
  components: {
    readonly clock: Clock;
    readonly random: SystemRandom;
    readonly logger: Logger;
    readonly ring: Ring;
  },
  { node, replicas, zookeeper }: QuorateNodeOptions,
  incarnation: bigint,
): ZookeeperMembership | undefined {
  if (zookeeper === undefined) return undefined;
  const { servers, root, auth, sessionTimeoutMs = zookeeperSessionMsDefault } = zookeeper;
  const { ring } = components;
  const { host, port } = ownAddress(node, replicas);
  const session = new ZookeeperSession(
    { ...components, connect: clientConnections(undefined, auth) },
    { servers, root, sessionTimeoutMs },
  );
  return new ZookeeperMembership(
    { ...components, session },
    {
      node,
      nodes: ring.nodes,
      own: { host, port, incarnation },
      ringDigest: ring.digest(),
      startupWindowMs: zookeeper.startupWindowMs ?? startupWindowMsDefault,
    },
  );
}

function ownAddress(node: string, replicas: readonly NodeAddress[]): NodeAddress {
  const own = replicas.find(({ name }) => name === node);
  if (own !== undefined) return own;
  const names = replicas.map(({ name }) => name).join(', ');
  const message = `the replicas file has no node named "${node}"; it has ${names}`;
  throw new QuorateError('CONFIGURATION', { node }, message);
}
