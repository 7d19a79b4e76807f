import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ReplicaReply } from '../record/replica-messages.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Hint, HintStore } from './hint-store.ts';

/**
 * Replays hints to targets that can be reached again, by itself, without any client traffic.
 *
 * A replay begins within a second of the news that a node is back, at a random moment so that all
 * holders do not hit it at once. The receiver sets the pace, and its clients come first: the next
 * batch leaves when the last is acknowledged and some time has passed, batches are small, since a
 * request of a client that meets one waits for all of it, and shrink while acknowledgements are
 * slow. A hint is forgotten only when the target has acknowledged it durably, by exact key and
 * version. A sweep catches lost events.
 */
export interface HintDispatcherComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly hints: HintStore;
  readonly replicas: ReplicaDirectory;
}

export interface HintDispatcherOptions {
  /** The nodes that hints may be kept for. */
  readonly targets: readonly string[];
}

const sweepEveryMs = 10_000;
const startDelayMsMax = 1_000;
const batchMin = 16;
const batchMax = 128;
/** From one batch to the next: 100,000 hints of one holder take 40 s, those of three 13 s. */
const batchEveryMs = 50;
/** The rest after a batch that took longer. */
const restMs = 5;
const slowBatchMs = 100;
const deliveryTimeoutMs = 10_000;

export class HintDispatcher {
  readonly #components: HintDispatcherComponents;
  readonly #targets: readonly string[];
  readonly #replays = new Map<string, Timer | 'running'>();
  #sweepTimer: Timer | undefined;
  #isStopped = false;

  constructor(components: HintDispatcherComponents, options: HintDispatcherOptions) {
    this.#components = components;
    this.#targets = options.targets;
  }

  start(): void {
    this.#sweepTimer = this.#components.clock.schedule(sweepEveryMs, () => {
      this.#components.hints.expire();
      for (const target of this.#targets) this.replay(target);
      this.start();
    });
  }

  /** Replays to a target soon, if hints wait for it and it can be reached. */
  replay(target: string): void {
    const { clock, random, hints, replicas } = this.#components;
    if (this.#isStopped || this.#replays.has(target)) return;
    if (!replicas.takesWrites(target) || hints.count(target) === 0) return;
    const timer = clock.schedule(1 + random.fraction() * startDelayMsMax, () => {
      this.#replays.set(target, 'running');
      this.#components.logger.info('replaying hints', { target });
      this.#deliver(target, {
        waiting: hints.waitingFor(target),
        batchSize: batchMin,
        delivered: 0,
        failed: 0,
        deliveredBefore: 0,
      });
    });
    this.#replays.set(target, timer);
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweepTimer?.cancel();
    for (const replay of this.#replays.values()) if (replay !== 'running') replay.cancel();
    this.#replays.clear();
  }

  #deliver(target: string, replay: Replay): void {
    const { clock, replicas } = this.#components;
    if (this.#isStopped || !replicas.takesWrites(target)) return this.#end(target, replay);
    const batch = this.#nextBatch(target, replay);
    if (batch.length === 0) return this.#end(target, replay);
    const sentAtMs = clock.monotonicMs();
    let waitingFor = batch.length;
    let settled = 0;
    for (const hint of batch) {
      this.#send(target, hint, (isSettled) => {
        if (isSettled) settled++;
        if (--waitingFor > 0) return;
        replay.delivered += settled;
        replay.failed += batch.length - settled;
        this.#goOn(target, replay, settled, clock.monotonicMs() - sentAtMs);
      });
    }
  }

  /** After a batch that took so long, of which so many can be forgotten. */
  #goOn(target: string, replay: Replay, settled: number, tookMs: number): void {
    const isSlow = settled < replay.batchSize / 2 || tookMs > slowBatchMs;
    replay.batchSize = clampBatch(isSlow ? replay.batchSize / 2 : replay.batchSize * 2);
    // One hint that its target cannot take does not hold back those behind it.
    if (settled === 0) return this.#end(target, replay);
    const delayMs = Math.max(restMs, batchEveryMs - tookMs);
    this.#components.clock.schedule(delayMs, () => this.#deliver(target, replay));
  }

  /** The next hints in the order in which they were kept; from the first again if more came. */
  #nextBatch(target: string, replay: Replay): readonly Hint[] {
    const { hints } = this.#components;
    const batch = take(replay.waiting, replay.batchSize);
    const isNewsLikely = replay.delivered > replay.deliveredBefore && replay.failed === 0;
    if (batch.length > 0 || !isNewsLikely) return batch;
    replay.waiting = hints.waitingFor(target);
    replay.deliveredBefore = replay.delivered;
    return take(replay.waiting, replay.batchSize);
  }

  /** All is delivered, or something went wrong: the sweep, or news of the target, tries again. */
  #end(target: string, { delivered }: Replay): void {
    const { hints, logger } = this.#components;
    this.#replays.delete(target);
    logger.info('hints replayed', { target, delivered, left: hints.count(target) });
  }

  #send(target: string, hint: Hint, onDone: (isSettled: boolean) => void): void {
    const { clock, hints, replicas } = this.#components;
    const { key, record } = hint;
    const { version } = record;
    const request = { operation: 'spread', key, record } as const;
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs;
    const onReply = (reply: ReplicaReply) => {
      // Below the floor of its token a hint comes too late: nobody may hold it any more.
      const isOver = reply.outcome === 'refused' && reply.reason === 'below-floor';
      if (reply.outcome === 'ok' || isOver) hints.remove(target, key, version);
      const isForeign = reply.outcome === 'refused' && reply.reason === 'not-a-replica';
      if (isForeign) hints.abandon(target, key, version);
      onDone(reply.outcome === 'ok' || isForeign || isOver);
    };
    replicas.clientOf(target).send(request, deadlineMs, onReply, 'patient');
  }
}

/** One replay to one target. */
interface Replay {
  waiting: Iterator<Hint>;
  batchSize: number;
  delivered: number;
  failed: number;
  /** How many were delivered when `waiting` began. */
  deliveredBefore: number;
}

function take<Item>(items: Iterator<Item>, count: number): readonly Item[] {
  const taken: Item[] = [];
  while (taken.length < count) {
    const next = items.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

function clampBatch(size: number): number {
  return Math.min(batchMax, Math.max(batchMin, Math.floor(size)));
}
