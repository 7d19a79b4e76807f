import type { RepairMode } from '../consistency/repair-mode.ts';
import { Coordinator } from '../coordinator/coordinator.ts';
import { ReadRepair } from '../coordinator/read-repair.ts';
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
import { type CopyRounds, type ReclaimRounds, Replica } from '../replica/replica.ts';
import type { Ring } from '../ring/ring.ts';
import type { TokenSet } from '../ring/token-set.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import { Reclaimable } from '../storage/reclaimable.ts';
import type { Storage } from '../storage/storage.ts';
import type { TokenFloors } from '../storage/token-floors.ts';
import { ClusterWalk } from '../transfer/cluster-walk.ts';
import { DamageHealer } from '../transfer/damage-healer.ts';
import { FloorExchange } from '../transfer/floor-exchange.ts';
import { Rebuild } from '../transfer/rebuild.ts';
import { ReclaimMember } from '../transfer/reclaim-member.ts';
import { Scrubber } from '../transfer/scrubber.ts';
import { TokenCopier } from '../transfer/token-copier.ts';
import { TombstoneReclaim, tombstoneAgeMsDefault } from '../transfer/tombstone-reclaim.ts';
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
  /** How long tombstones are kept, and values after they have expired; 10 days by default. */
  readonly tombstoneAgeMs?: number;
  /** Whether the newest that is left takes the place of records that several replicas have lost. */
  readonly acceptsLoss?: boolean;
  /** Called once if the disk is an older copy of the one that this node had, with what to do. */
  readonly onOutdated?: (sentence: string) => void;
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
  readonly floors: TokenFloors;
  readonly hints: HintStore;
  readonly links: LinkSet;
  readonly membership: Membership;
  readonly storage: Storage;
  readonly #options: EngineOptions;
  readonly #readRepair: ReadRepair;
  readonly #dispatcher: HintDispatcher;
  readonly #healer: DirtyHealer;
  readonly #disk: Disk;
  readonly copier: TokenCopier;
  /** While a lost disk is rebuilt, and after it. */
  readonly rebuild: Rebuild | undefined;
  readonly damageHealer: DamageHealer;
  readonly walk: ClusterWalk;
  readonly scrubber: Scrubber;
  readonly reclaim: TombstoneReclaim;
  readonly #replica: Replica;
  readonly #floorExchange: FloorExchange;
  #isOutdated = false;
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
    this.floors = disk.floors;
    const hybridClock = new HybridClock(disk.clockCeiling);
    const tombstoneAgeMs = options.tombstoneAgeMs ?? tombstoneAgeMsDefault;
    const { clockMonitor } = this;
    const judging = { clock, clockMonitor, floors: disk.floors };
    const reclaimable = new Reclaimable(judging, { tombstoneAgeMs });
    const onOutdated = () => this.#onOutdated();
    const shared = { ...components, ...disk, clockMonitor, hybridClock, reclaimable, onOutdated };
    const copies: CopyRounds = { want: (round, tokens) => this.copier.want(round, tokens) };
    const reclaim: ReclaimRounds = {
      answer: (request) => member.answer(request),
      watchedBelow: (token) => member.watchedBelow(token),
      noteStored: (token, version) => member.noteStored(token, version),
      raiseTo: (token, floor) => member.raiseTo(token, floor),
    };
    const knowsFloors = () => this.#floorExchange.knowsAll;
    const replica = new Replica({ ...shared, copies, reclaim, knowsFloors }, { node });
    this.#replica = replica;
    const isDurable = disk.kind === 'durable';
    const member = new ReclaimMember(
      {
        ...shared,
        replica,
        isClear: (tokens, floor) => this.#isClear(tokens, floor),
        onRaised: () => this.reclaim.lookSoon(),
      },
      { node, tombstoneAgeMs, isDurable },
    );
    const { dataId, isRebuilt } = disk;
    this.links = new LinkSet(
      { ...shared, service: replica },
      { node, clusterName, incarnation, dataId, isRebuilt },
    );
    const replicas = new NodeReplicaDirectory(node, replica, this.links);
    this.#floorExchange = new FloorExchange(
      { ...shared, replicas },
      { node, isAdopting: () => !isDurable || this.rebuild?.status().isOver === false },
    );
    this.copier = new TokenCopier(
      { ...shared, replicas, floorsOf: this.#floorExchange, own: replica },
      node,
    );
    this.reclaim = new TombstoneReclaim({ ...shared, replicas }, { node, tombstoneAgeMs });
    this.rebuild =
      disk.rebuild &&
      new Rebuild({ ...shared, replica, copier: this.copier, progress: disk.rebuild }, node);
    this.walk = new ClusterWalk({ ...shared, replicas });
    const acceptsLoss = options.acceptsLoss ?? false;
    this.damageHealer = new DamageHealer({ ...shared, replicas }, { node, acceptsLoss });
    this.scrubber = new Scrubber(shared, { passMs: options.scrubPassMs ?? scrubPassMsDefault });
    // Itself included: what its own full disk did not take is kept for it as for any other.
    this.#dispatcher = new HintDispatcher({ ...shared, replicas }, { targets: ring.nodes });
    this.#healer = new DirtyHealer({ ...shared, replicas });
    disk.onRoom((hasRoom) => {
      logger[hasRoom ? 'info' : 'error']('the disk', { hasRoom });
      replica.setStanding({ takesWrites: hasRoom });
      if (hasRoom) this.#dispatcher.replay(node);
    });
    const readRepair = new ReadRepair({ clock, replicas });
    this.#readRepair = readRepair;
    this.coordinator = new Coordinator({ ...shared, replicas, readRepair }, { node, mode });
  }

  /** Starts everything; settles when the node could take requests, within about 2 s. */
  async start(): Promise<void> {
    this.membership.reportIncarnation(this.#options.node, this.#options.incarnation);
    this.membership.onRecovered((node) => this.#dispatcher.replay(node));
    this.links.onLive((node) => {
      this.#readRepair.forget(node);
      this.#dispatcher.replay(node);
      this.#healer.heal();
      void this.#floorExchange.ask(node);
    });
    this.#dispatcher.start();
    this.#healer.start();
    this.#watchClock();
    this.rebuild?.start();
    this.damageHealer.start();
    if (this.#disk.kind === 'durable') {
      this.scrubber.start();
      this.reclaim.start();
    }
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

  /**
   * Ends all of it.
   *
   * @param isKilled whether what it keeps is to be as after the death of a process.
   */
  async stop(isKilled = false): Promise<void> {
    this.#isStopped = true;
    this.coordinator.accept(false);
    this.#clockTimer?.cancel();
    this.#dispatcher.stop();
    this.#healer.stop();
    this.links.stop();
    this.scrubber.stop();
    await Promise.all([
      this.copier.stop(),
      this.rebuild?.stop(),
      this.damageHealer.stop(),
      this.reclaim.stop(),
    ]);
    await this.#disk.close(!isKilled && this.coordinator.isIdle);
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

  /** Whether nothing older than a clock may still be on its way to a replica from here. */
  #isClear(tokens: TokenSet, clock: bigint): boolean {
    const isDirty = this.ring.nodes.some(
      (target) => tokens.without(this.dirty.tokensOf(target)) !== tokens,
    );
    return !isDirty && !this.hints.mayHoldBelow(tokens, clock);
  }

  #onOutdated(): void {
    this.#replica.setStanding({ servesReads: false });
    if (this.#isOutdated) return;
    this.#isOutdated = true;
    const { node, onOutdated } = this.#options;
    const sentence = `the data of ${node} is an older copy: the others have purged tombstones since that it never saw, so deleted keys could return; start it with --rebuild`;
    this.logger.error(sentence);
    onOutdated?.(sentence);
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
