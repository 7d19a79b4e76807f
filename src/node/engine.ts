import type { RepairMode } from '../consistency/repair-mode.ts';
import { Coordinator } from '../coordinator/coordinator.ts';
import { RepairBudget } from '../coordinator/read-repair.ts';
import { DirtyHealer } from '../hints/dirty-healer.ts';
import type { DirtyTokens } from '../hints/dirty-tokens.ts';
import { HintDispatcher } from '../hints/hint-dispatcher.ts';
import type { HintStore } from '../hints/hint-store.ts';
import type { FrameDialer } from '../links/frames.ts';
import { LinkSet } from '../links/link-set.ts';
import type { Membership } from '../membership/membership.ts';
import { ClockMonitor, type ClockVerdict } from '../record/clock-monitor.ts';
import { clockDriftMsMax, HybridClock } from '../record/hybrid-clock.ts';
import { clockToMs } from '../record/version.ts';
import { type CopyRounds, Replica } from '../replica/replica.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Storage } from '../storage/storage.ts';
import { DamageHealer } from '../transfer/damage-healer.ts';
import { Rebuild } from '../transfer/rebuild.ts';
import { Scrubber } from '../transfer/scrubber.ts';
import { TokenCopier } from '../transfer/token-copier.ts';
import type { Disk } from './disk.ts';
import { NodeReplicaDirectory } from './replica-directory.ts';

/**
 * One node without its network: replica, coordinator, hints, links and membership, put together.
 * A real node gives it gRPC and the machine's clock, a simulator a virtual network and time; the
 * code in between is the same.
 */
export interface EngineComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly dialerOf: (node: string) => FrameDialer;
  /** Who takes part, as ZooKeeper or the replicas file says. */
  readonly membership: Membership;
  /** What the node keeps; the engine closes it. */
  readonly disk: Disk;
}

export interface EngineOptions {
  readonly node: string;
  readonly clusterName: string;
  readonly mode: RepairMode;
  /** Called when the clock begins or ceases to forbid writes. */
  readonly onClockVerdict?: (verdict: ClockVerdict) => void;
  /** The run of this process: random 64 bits. */
  readonly incarnation: bigint;
  /** How long a walk through all records takes that looks for damage; 24 h by default. */
  readonly scrubPassMs?: number;
}

const clockCheckMs = 500;
const scrubPassMsDefault = 24 * 60 * 60 * 1_000;

export class Engine {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly clockMonitor: ClockMonitor;
  readonly coordinator: Coordinator;
  readonly dirty: DirtyTokens;
  readonly hints: HintStore;
  readonly links: LinkSet;
  readonly membership: Membership;
  readonly storage: Storage;
  readonly #options: EngineOptions;
  readonly #dispatcher: HintDispatcher;
  readonly #healer: DirtyHealer;
  readonly #disk: Disk;
  readonly copier: TokenCopier;
  /** While a lost disk is rebuilt, and after it. */
  readonly rebuild: Rebuild | undefined;
  readonly damageHealer: DamageHealer;
  readonly scrubber: Scrubber;
  #clockTimer: Timer | undefined;
  #verdict: ClockVerdict = 'uncompared';
  #isAlarming = false;
  #isStopped = false;

  constructor(components: EngineComponents, options: EngineOptions) {
    const { clock, logger, ring, membership, disk } = components;
    const { node, clusterName, mode, incarnation } = options;
    this.#options = options;
    this.clock = clock;
    this.logger = logger;
    this.ring = ring;
    this.clockMonitor = new ClockMonitor(this.#readClock(), { otherNodes: ring.nodes.length - 1 });
    this.membership = membership;
    this.#disk = disk;
    this.storage = disk.storage;
    this.hints = disk.hints;
    this.dirty = disk.dirty;
    const hybridClock = new HybridClock(disk.clockCeiling);
    const shared = { ...components, ...disk, clockMonitor: this.clockMonitor, hybridClock };
    const copies: CopyRounds = { want: (round, tokens) => this.copier.want(round, tokens) };
    const replica = new Replica({ ...shared, copies }, { node });
    const { dataId, isRebuilt } = disk;
    this.links = new LinkSet(
      { ...shared, service: replica },
      { node, clusterName, incarnation, dataId, isRebuilt },
    );
    const replicas = new NodeReplicaDirectory(node, replica, this.links);
    const targets = ring.nodes.filter((other) => other !== node);
    this.copier = new TokenCopier({ ...shared, replicas }, node);
    this.rebuild =
      disk.rebuild &&
      new Rebuild({ ...shared, replica, copier: this.copier, progress: disk.rebuild }, node);
    this.damageHealer = new DamageHealer({ ...shared, replicas }, node);
    this.scrubber = new Scrubber(shared, { passMs: options.scrubPassMs ?? scrubPassMsDefault });
    this.#dispatcher = new HintDispatcher({ ...shared, replicas }, { targets });
    this.#healer = new DirtyHealer({ ...shared, replicas });
    disk.onRoom((hasRoom) => {
      logger[hasRoom ? 'info' : 'error']('the disk', { hasRoom });
      replica.setStanding({ takesWrites: hasRoom });
    });
    this.coordinator = new Coordinator(
      { ...shared, replicas, repairBudget: new RepairBudget() },
      { node, mode },
    );
  }

  /** Starts everything; settles when the node could take requests, within about 2 s. */
  async start(): Promise<void> {
    this.membership.reportIncarnation(this.#options.node, this.#options.incarnation);
    this.membership.onRecovered((node) => this.#dispatcher.replay(node));
    this.links.onLive((node) => {
      this.#dispatcher.replay(node);
      this.#healer.heal();
    });
    this.#dispatcher.start();
    this.#healer.start();
    this.#watchClock();
    this.rebuild?.start();
    this.damageHealer.start();
    if (this.#disk.kind === 'durable') this.scrubber.start();
    await Promise.all([this.links.start(), this.#passed(this.#clockWaitMs())]);
  }

  /** Takes requests from now on. */
  open(): void {
    if (!this.#isStopped) this.coordinator.accept(true);
  }

  /** Takes no more requests; settles when those that are in flight have ended. */
  async drain(): Promise<void> {
    this.#isStopped = true;
    this.coordinator.accept(false);
    await this.coordinator.idle();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.coordinator.accept(false);
    this.#clockTimer?.cancel();
    this.#dispatcher.stop();
    this.#healer.stop();
    this.links.stop();
    this.scrubber.stop();
    await Promise.all([this.copier.stop(), this.rebuild?.stop(), this.damageHealer.stop()]);
    await this.#disk.close(this.coordinator.isIdle);
  }

  /**
   * How long until the clock has passed the versions of the last run. In memory nothing remembers
   * them; they were at most so far ahead. A clock that was set back refuses writes after it.
   */
  #clockWaitMs(): number {
    const { clockCeiling } = this.#disk;
    if (clockCeiling === undefined) return clockDriftMsMax;
    const aheadMs = clockToMs(clockCeiling) + 1 - this.clock.realtimeMs();
    return Math.max(0, Math.min(clockDriftMsMax, aheadMs));
  }

  #passed(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.clock.schedule(delayMs, resolve));
  }

  #watchClock(): void {
    const verdict = this.clockMonitor.verdict(this.#readClock());
    if (verdict !== this.#verdict) {
      const level = verdict === 'apart' ? 'error' : 'info';
      this.logger[level]('clock judged by the others', { verdict });
      this.#verdict = verdict;
      this.#options.onClockVerdict?.(verdict);
    }
    const isAlarming = this.clockMonitor.isAlarming();
    if (isAlarming && !this.#isAlarming) {
      this.logger.warn('this clock and the only other are apart, nobody can tell which is wrong');
    }
    this.#isAlarming = isAlarming;
    this.#clockTimer = this.clock.schedule(clockCheckMs, () => this.#watchClock());
  }

  #readClock() {
    return { realtimeMs: this.clock.realtimeMs(), monotonicMs: this.clock.monotonicMs() };
  }
}
