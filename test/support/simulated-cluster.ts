import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import type { ReadResult, WriteResult } from '../../src/coordinator/request.ts';
import { defaultHintLimits, type HintLimits } from '../../src/hints/hint-store.ts';
import type { Membership } from '../../src/membership/membership.ts';
import { StaticMembership } from '../../src/membership/static-membership.ts';
import { type Disk, memoryDisk } from '../../src/node/disk.ts';
import { durableDisk } from '../../src/node/durable-disk.ts';
import { Engine } from '../../src/node/engine.ts';
import type { Value } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import { type FlushMs, SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from './simulated-time.ts';

/** A cluster of real engines in virtual time on a virtual network: no process, no socket. */
export interface SimulatedClusterOptions {
  readonly nodes?: number;
  readonly mode?: RepairMode;
  readonly seed?: number;
  readonly replicationFactor?: number;
  readonly hintLimits?: Partial<HintLimits>;
  readonly logger?: Logger;
  /** What a node finds on its disk at each start, in place of empty memory. */
  readonly diskOf?: (node: string, clock: Clock) => Partial<Disk>;
  /** Disks that outlive their nodes; without it all is in memory. */
  readonly isDurable?: boolean;
  /** How long each flush of a disk takes; 1 ms by default. */
  readonly flushMs?: FlushMs;
  /** Who tells a node which others came back; they meet on their links without it. */
  readonly membershipOf?: (nodes: readonly string[], clock: Clock) => Membership;
  readonly scrubPassMs?: number;
  readonly tombstoneAgeMs?: number;
  readonly onOutdated?: (node: string) => void;
  /** The nodes that give up records that several replicas have lost. */
  readonly acceptsLoss?: (node: string) => boolean;
}

interface Running {
  readonly host: SimulatedHost;
  /** `undefined` while its disk is being opened. */
  readonly engine: Engine | undefined;
}

export class SimulatedCluster {
  readonly time = new SimulatedTime();
  readonly network = new SimulatedNetwork(this.time);
  readonly names: readonly string[];
  readonly random: SeededRandom;
  readonly #options: SimulatedClusterOptions;
  readonly #ring: Ring;
  readonly #running = new Map<string, Running>();
  readonly #disks = new Map<string, SimulatedDisk>();

  constructor(options: SimulatedClusterOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1);
    this.names = Array.from({ length: options.nodes ?? 4 }, (_, index) => `replica${index}`);
    this.#ring = new Ring({
      epoch: 1,
      partitioner: byteOrderedPartitioner,
      replicationFactor: options.replicationFactor ?? 3,
      owners: evenOwners(this.names),
    });
  }

  static async start(options: SimulatedClusterOptions = {}): Promise<SimulatedCluster> {
    const cluster = new SimulatedCluster(options);
    await Promise.all([cluster.time.advance(3_000), ...cluster.names.map((n) => cluster.boot(n))]);
    return cluster;
  }

  /** Starts a node; settles when it is ready. Time must advance for that. */
  boot(node: string, skewMs = 0): Promise<void> {
    const host = new SimulatedHost(this.time);
    host.skewMs = skewMs;
    if (this.#options.isDurable !== true)
      return this.#run(node, host, this.#memoryDisk(node, host));
    this.#running.set(node, { host, engine: undefined });
    return this.#durableDisk(node, host).then((disk) => {
      if (!host.isDead) return this.#run(node, host, disk);
      return new Promise(() => undefined);
    });
  }

  #run(node: string, host: SimulatedHost, disk: Disk): Promise<void> {
    const engine = new Engine(
      {
        clock: host,
        random: this.random,
        logger: this.#options.logger ?? silentLogger,
        ring: this.#ring,
        dialerOf: (peer) => this.network.dialer(node, peer),
        membership:
          this.#options.membershipOf?.(this.#ring.nodes, host) ??
          new StaticMembership(this.#ring.nodes),
        disk: { ...disk, ...this.#options.diskOf?.(node, host) },
      },
      {
        node,
        clusterName: 'simulated',
        incarnation: this.random.uint64(),
        mode: this.#options.mode ?? 'BOTH',
        ...(this.#options.tombstoneAgeMs !== undefined && {
          tombstoneAgeMs: this.#options.tombstoneAgeMs,
        }),
        onOutdated: () => this.#options.onOutdated?.(node),
        acceptsLoss: this.#options.acceptsLoss?.(node) ?? false,
        ...(this.#options.scrubPassMs !== undefined && { scrubPassMs: this.#options.scrubPassMs }),
      },
    );
    this.#running.set(node, { host, engine });
    this.network.attach(node, { host, accept: (channel) => engine.links.accept(channel) });
    return engine.start().then(() => engine.open());
  }

  /**
   * Kills a node's process, or cuts its power: it loses all that it had in memory, and what was
   * not flushed.
   *
   * @param isFlushingKept whether what is being flushed has reached the disk.
   */
  kill(node: string, isFlushingKept = false): void {
    this.host(node).kill();
    this.network.detach(node);
    this.#disks.get(node)?.cut(isFlushingKept);
  }

  /** Asks a node to stop; settles when it has. Time must advance for that. */
  async stopNode(node: string): Promise<void> {
    const { host } = this.#get(node);
    const engine = this.engine(node);
    await engine.drain();
    await engine.stop();
    host.kill();
    this.network.detach(node);
  }

  /** Takes the disk of a killed node away: it rebuilds a new one at its next boot. */
  wipe(node: string): void {
    this.disk(node).wipe();
  }

  /** The durable disk of a node. */
  disk(node: string): SimulatedDisk {
    const disk = this.#disks.get(node);
    if (disk === undefined) throw new Error(`no disk of ${node}`);
    return disk;
  }

  engine(node: string): Engine {
    const { engine } = this.#get(node);
    if (engine === undefined) throw new Error(`${node} is opening its disk`);
    return engine;
  }

  /** Whether the node's process runs and has its disk open. */
  isUp(node: string): boolean {
    const { host, engine } = this.#get(node);
    return !host.isDead && engine !== undefined;
  }

  host(node: string): SimulatedHost {
    return this.#get(node).host;
  }

  put(
    node: string,
    key: number,
    text: string,
    level: ConsistencyLevel = 'QUORUM',
    timeoutMs = 2_000,
  ): Promise<WriteResult> {
    return this.write(node, key, textValue(text), level, timeoutMs);
  }

  /** A put whose value expires. */
  putFor(
    ttlMs: number,
    node: string,
    key: number,
    text: string,
    level: ConsistencyLevel = 'QUORUM',
  ): Promise<WriteResult> {
    const request = { key: Uint8Array.of(key), level, timeoutMs: 2_000, isExplained: true, ttlMs };
    const { coordinator } = this.engine(node);
    return this.time.settle(coordinator.write({ ...request, value: textValue(text) }));
  }

  delete(node: string, key: number, level: ConsistencyLevel = 'QUORUM'): Promise<WriteResult> {
    return this.write(node, key, undefined, level, 2_000);
  }

  write(
    node: string,
    key: number,
    value: Value | undefined,
    level: ConsistencyLevel,
    timeoutMs: number,
  ): Promise<WriteResult> {
    return this.time.settle(this.startWrite(node, key, value, level, timeoutMs));
  }

  /** Starts a write and lets the caller advance the time. */
  startWrite(
    node: string,
    key: number,
    value: Value | undefined,
    level: ConsistencyLevel,
    timeoutMs: number,
  ): Promise<WriteResult> {
    const request = { key: Uint8Array.of(key), level, timeoutMs, isExplained: true, value };
    return this.engine(node).coordinator.write(request);
  }

  read(
    node: string,
    key: number,
    level: ConsistencyLevel = 'QUORUM',
    timeoutMs = 2_000,
  ): Promise<ReadResult> {
    return this.time.settle(this.startRead(node, key, level, timeoutMs));
  }

  /** Starts a read and lets the caller advance the time. */
  startRead(
    node: string,
    key: number,
    level: ConsistencyLevel,
    timeoutMs: number,
  ): Promise<ReadResult> {
    const request = { key: Uint8Array.of(key), level, timeoutMs, isExplained: true };
    return this.engine(node).coordinator.get(request);
  }

  /** The text that a get answers; `undefined` if absent. */
  async get(
    node: string,
    key: number,
    level: ConsistencyLevel = 'QUORUM',
  ): Promise<string | undefined> {
    const { record } = await this.read(node, key, level);
    return record?.value && textOf(record.value);
  }

  /** The text that one node itself holds; `undefined` if none. */
  held(node: string, key: number): string | undefined {
    const value = this.engine(node).storage.get(Uint8Array.of(key))?.value;
    return value && textOf(value);
  }

  /** The nodes that hold a key. */
  replicasOf(key: Uint8Array): readonly string[] {
    return this.#ring.preferenceList(this.#ring.partitioner.tokenOf(key));
  }

  /** Whether all nodes run, and none keeps a hint for another or wants a copy for it. */
  owesNothing(): boolean {
    return this.names.every((holder) => this.isUp(holder) && this.#owesNothing(holder));
  }

  /** How many hints a node keeps for another. */
  hints(holder: string, target: string): number {
    return this.engine(holder).hints.summary(target).count;
  }

  /** The floor of a token on one node; 0 if it has none. */
  floorOf(node: string, token: number): bigint {
    return this.engine(node).floors.floorOf(token);
  }

  #owesNothing(holder: string): boolean {
    const { dirty, hints } = this.engine(holder);
    return this.names.every(
      (target) => hints.count(target) === 0 && dirty.tokensOf(target).isEmpty,
    );
  }

  #memoryDisk(node: string, clock: Clock): Disk {
    return memoryDisk(this.#diskComponents(clock), this.#diskOptions(node));
  }

  #durableDisk(node: string, clock: Clock): Promise<Disk> {
    const { flushMs = () => 1 } = this.#options;
    const disk = this.#disks.get(node) ?? new SimulatedDisk(new SimulatedHost(this.time), flushMs);
    this.#disks.set(node, disk);
    const components = { ...this.#diskComponents(clock), kept: disk.open() };
    // As the process does, at once: nothing may be acknowledged after it.
    const onFailure = () => this.kill(node);
    return durableDisk(components, { ...this.#diskOptions(node), onFailure });
  }

  #diskComponents(clock: Clock) {
    return { clock, logger: this.#options.logger ?? silentLogger, ring: this.#ring };
  }

  #diskOptions(node: string) {
    return { node, limits: { ...defaultHintLimits, ...this.#options.hintLimits } };
  }

  #get(node: string): Running {
    const running = this.#running.get(node);
    if (running === undefined) throw new Error(`no node ${node}`);
    return running;
  }
}

export function textValue(text: string): Value {
  return { kind: 'text', bytes: new TextEncoder().encode(text) };
}

/** The text of a value. */
export function textOf(value: Value): string {
  return new TextDecoder().decode(value.bytes);
}
