import { QuorateError } from '../base/quorate-error.ts';
import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ClockMonitor } from '../record/clock-monitor.ts';
import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';
import { FloorClocks, noFloors } from '../ring/floor-clocks.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Reclaimable } from '../storage/reclaimable.ts';
import type { Storage } from '../storage/storage.ts';
import { askReplica } from './ask-replica.ts';
import { Pause } from './pause.ts';
import { floorClock } from './reclaim-member.ts';
import { reclaimWalk } from './reclaim-walk.ts';

/**
 * Lets old tombstones go, and values that expired long ago, without letting what they hide return.
 *
 * A tombstone may go when no replica, no hint and no message can bring an older value any more, and
 * when an answer "absent" counts as much as the tombstone did. Both come from the **floor** of a
 * token: a clock in the past, below which nothing new is taken, and with which absent keys are
 * answered as if each had a tombstone of that version. Each node removes by itself what is at or
 * below its own floor, and answers as if it had done so at once.
 *
 * The first node of a token's preference list leads rounds that raise its floor to F, the earlier of
 * 31 s and of the age of tombstones before now. A round needs every node of the ring:
 *
 * 1. **join**: each node ends the other rounds for these tokens, says that no hint below F and no DIRTY
 *    mark of theirs is left, and tells its floors. G is the greatest of a token: no round under way
 *    can raise any floor above it from here on.
 * 2. **open**: each replica takes G as its floor and its seal, and begins to note whether anything below
 *    F is stored. What was stored before is on its disk when it answers.
 * 3. **copy**: each replica copies the tokens from all others.
 * 4. **seal**: each replica promises, on its disk, to take nothing below F that it does not hold. It
 *    refuses if it has noted something since step 2, and the round begins again. When all have
 *    sealed, each has looked at all that the others held below F while that stood still, and missed
 *    nothing: below F they hold the same, for ever.
 * 5. **raise**: only then each takes F as its floor.
 *
 * So no step trusts a clock; the ages only see to it that nobody notices. Where it may end halfway:
 *
 * - Some have sealed, none has raised: the seal refuses old writes that no replica holds, and the
 *   next round takes it back (step 2), which is safe since by then none can raise any more.
 * - Some have raised: "absent" is answered with F by these and with G, or a tombstone below F, by the
 *   others. A read that sees F writes it back like any newest version; a replica that is sent a floor
 *   takes it as its own, for it has sealed it. The next round finishes the rest.
 * - A replica starts anew: it has forgotten the round, and with it no more step succeeds.
 *
 * A floor never takes the place of a live value: a replica that holds one below its own floor refuses
 * it (`damaged`), since then the one that answered "absent" has lost a record. A copy may bring such
 * a record back below the floor, from a source whose floor is as high as the own seal.
 *
 * A damaged record holds rounds up, for a source with one names no keys. A rebuilding replica and one
 * whose disk is full take no part, nor does a node that keeps all in memory. It works with any
 * number of replicas; one alone copies nothing.
 */
export interface TombstoneReclaimComponents {
  readonly clock: Clock;
  readonly clockMonitor: ClockMonitor;
  readonly random: Random;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly replicas: ReplicaDirectory;
  readonly reclaimable: Reclaimable;
  readonly storage: Storage;
}

export interface TombstoneReclaimOptions {
  readonly node: string;
  readonly tombstoneAgeMs: number;
}

/** Tombstones are kept for so long after their deletes. */
export const tombstoneAgeMsDefault = 10 * 24 * 60 * 60 * 1_000;

const walkEveryMsMin = 1_000;
const walkEveryMsMax = 60 * 60 * 1_000;
/** Walks for each age of a tombstone. */
const walksPerAge = 10;
const askEveryMs = 1_000;
/** After this long a round gives up, so that what can go elsewhere does not wait for it. */
const copyMsMax = 60 * 60 * 1_000;
/** How often a round may begin again because the replicas were not equal yet. */
const attemptsMax = 3;

export class TombstoneReclaim {
  readonly #components: TombstoneReclaimComponents;
  readonly #options: TombstoneReclaimOptions;
  readonly #pause: Pause;
  readonly #everyMs: number;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #removed = 0;

  constructor(components: TombstoneReclaimComponents, options: TombstoneReclaimOptions) {
    this.#components = components;
    this.#options = options;
    this.#pause = new Pause(components.clock);
    const everyMs = options.tombstoneAgeMs / walksPerAge;
    this.#everyMs = Math.min(walkEveryMsMax, Math.max(walkEveryMsMin, everyMs));
  }

  start(): void {
    this.#lookIn(this.#components.random.fraction() * this.#everyMs);
  }

  /** Settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#pause.end();
    await this.#running;
  }

  /** Looks soon, for floors were raised. */
  lookSoon(): void {
    this.#isWanted = true;
    if (this.#running === undefined) this.#lookIn(walkEveryMsMin);
  }

  /** How many records were removed since the start. */
  get removed(): number {
    return this.#removed;
  }

  #lookIn(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#pause.isEnded) return;
    this.#timer = this.#components.clock.schedule(delayMs, () => {
      this.#isWanted = false;
      this.#running = this.#look().finally(() => {
        this.#running = undefined;
        this.#lookIn(this.#isWanted ? walkEveryMsMin : this.#everyMs);
      });
    });
  }

  async #look(): Promise<void> {
    const { logger } = this.#components;
    try {
      const { removed, due } = await reclaimWalk(this.#components, this.#floor(), this.#pause);
      this.#removed += removed;
      if (removed > 0) logger.info('old tombstones and expired values removed', { removed });
      for (const tokens of this.#led(due)) await this.#raise(tokens);
    } catch (error: unknown) {
      logger.warn('old tombstones stay for now', { reason: QuorateError.from(error).message });
    }
  }

  #floor(): bigint {
    return floorClock(this.#components.clock.realtimeMs(), this.#options.tombstoneAgeMs);
  }

  /** Those of some tokens that this node leads, in groups with the same replicas. */
  #led(tokens: TokenSet): readonly TokenSet[] {
    const { ring } = this.#components;
    const groups = new Map<readonly string[], Token[]>();
    const keys = new Map<string, readonly string[]>();
    for (const token of tokens.tokens()) {
      const list = ring.preferenceList(token);
      if (list[0] !== this.#options.node) continue;
      const key = keys.get(list.join(' ')) ?? list;
      keys.set(list.join(' '), key);
      groups.set(key, [...(groups.get(key) ?? []), token]);
    }
    return [...groups.values()].map((group) => TokenSet.of(group));
  }

  async #raise(tokens: TokenSet): Promise<void> {
    const { clock, clockMonitor, logger } = this.#components;
    for (let attempt = 0; attempt < attemptsMax && !this.#pause.isEnded; attempt++) {
      const now = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
      if (!clockMonitor.mayJudgeTimes(now)) return;
      const outcome = await this.#round(tokens);
      if (outcome === 'held-up') return;
      if (outcome === 'raised') {
        logger.info('floors raised', { tokens: tokens.tokens().length });
        return;
      }
    }
  }

  async #round(tokens: TokenSet): Promise<'raised' | 'held-up' | 'disturbed'> {
    const { random, ring } = this.#components;
    const round = random.uint64();
    const clock = this.#floor();
    const replicas = ring.preferenceList(tokens.tokens()[0] ?? 0);
    if (!this.#areAllThere()) return 'held-up';
    const bytes = tokens.toBytes();
    const join = { operation: 'join-reclaim', tokens: bytes, round, clock } as const;
    const joined = await this.#askAll(ring.nodes, join);
    if (joined === undefined) return 'held-up';
    const before = ring.nodes
      .map((node, index) => (replicas.includes(node) ? joined[index] : undefined) ?? noFloors)
      .reduce((left, right) => left.latest(right));
    if (tokens.tokens().every((token) => before.of(token) >= clock)) return 'raised';
    const open = { operation: 'open-reclaim', round, floors: before.toBytes() } as const;
    if ((await this.#askAll(replicas, open)) === undefined) return 'held-up';
    if (!(await this.#copyAll(replicas, tokens, round))) return 'held-up';
    const seal = { operation: 'seal-reclaim', round } as const;
    if ((await this.#askAll(replicas, seal)) === undefined) return 'disturbed';
    const raise = { operation: 'raise-reclaim', round } as const;
    return (await this.#askAll(replicas, raise)) === undefined ? 'held-up' : 'raised';
  }

  /** Lets each replica copy the tokens from all others. @returns whether all have. */
  async #copyAll(replicas: readonly string[], tokens: TokenSet, round: bigint): Promise<boolean> {
    const { clock } = this.#components;
    const untilMs = clock.monotonicMs() + copyMsMax;
    let left = replicas;
    const copy = { operation: 'copy', tokens: tokens.toBytes(), round } as const;
    for (;;) {
      const replies = await Promise.all(
        left.map((node) => askReplica(this.#components, node, copy)),
      );
      const isDone = (reply: ReplicaReply | undefined) =>
        reply?.outcome === 'copying' && reply.isDone;
      left = left.filter((_, index) => !isDone(replies[index]));
      if (left.length === 0) return true;
      await this.#pause.rest(askEveryMs);
      const isOver = this.#pause.isEnded || clock.monotonicMs() >= untilMs;
      if (isOver || !this.#areAllThere()) return false;
    }
  }

  /** Whether every node of the ring can be asked and can do its part. */
  #areAllThere(): boolean {
    const { replicas, ring } = this.#components;
    return ring.nodes.every((node) => replicas.servesReads(node) && replicas.takesWrites(node));
  }

  /** The floors of each node; `undefined` if one of them did not do what was asked. */
  async #askAll(
    nodes: readonly string[],
    request: ReplicaRequest,
  ): Promise<readonly FloorClocks[] | undefined> {
    const replies = await Promise.all(
      nodes.map((node) => askReplica(this.#components, node, request)),
    );
    const floors = replies.flatMap((reply) =>
      reply.outcome === 'floors' ? [FloorClocks.fromBytes(reply.floors)] : [],
    );
    return floors.length === nodes.length ? floors : undefined;
  }
}
