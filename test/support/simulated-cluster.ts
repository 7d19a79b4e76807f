import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import type { ReadResult, WriteResult } from '../../src/coordinator/request.ts';
import { defaultHintLimits, type HintLimits } from '../../src/hints/hint-store.ts';
import { StaticMembership } from '../../src/membership/static-membership.ts';
import { type Disk, memoryDisk } from '../../src/node/disk.ts';
import { Engine } from '../../src/node/engine.ts';
import type { Value } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import { SimulatedDisk } from './simulated-disk.ts';
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
  readonly scrubPassMs?: number;
}

interface Running {
  readonly host: SimulatedHost;
  readonly engine: Engine;
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
    const engine = new Engine(
      {
        clock: host,
        random: this.random,
        logger: this.#options.logger ?? silentLogger,
        ring: this.#ring,
        dialerOf: (peer) => this.network.dialer(node, peer),
        membership: new StaticMembership(this.#ring.nodes),
        disk: this.#openDisk(node, host),
      },
      {
        node,
        clusterName: 'simulated',
        incarnation: this.random.uint64(),
        mode: this.#options.mode ?? 'BOTH',
        ...(this.#options.scrubPassMs !== undefined && { scrubPassMs: this.#options.scrubPassMs }),
      },
    );
    this.#running.set(node, { host, engine });
    this.network.attach(node, { host, accept: (channel) => engine.links.accept(channel) });
    return engine.start().then(() => engine.open());
  }

  /** Kills a node's process: it loses all that it had in memory. */
  kill(node: string): void {
    this.host(node).kill();
    this.network.detach(node);
    this.#disks.get(node)?.cut();
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
    return this.#get(node).engine;
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

  /** How many hints a node keeps for another. */
  hints(holder: string, target: string): number {
    return this.engine(holder).hints.summary(target).count;
  }

  #openDisk(node: string, clock: Clock): Disk {
    const limits = { ...defaultHintLimits, ...this.#options.hintLimits };
    const logger = this.#options.logger ?? silentLogger;
    const components = { clock, logger, ring: this.#ring };
    const empty = memoryDisk(components, { node, limits });
    const durable = this.#durableDisk(node)?.open(components, { node, limits });
    return { ...empty, ...durable, ...this.#options.diskOf?.(node, clock) };
  }

  #durableDisk(node: string): SimulatedDisk | undefined {
    if (this.#options.isDurable !== true) return undefined;
    const disk = this.#disks.get(node) ?? new SimulatedDisk(new SimulatedHost(this.time));
    this.#disks.set(node, disk);
    return disk;
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

function textOf(value: Value): string {
  return new TextDecoder().decode(value.bytes);
}
