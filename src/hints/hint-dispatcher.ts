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
 * holders do not hit it at once. The receiver sets the pace: the next batch leaves when the last
 * is acknowledged, and batches shrink while acknowledgements are slow. A hint is forgotten only
 * when the target has acknowledged it durably, by exact key and version. A sweep catches lost
 * events.
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
const batchMax = 512;
const slowBatchMs = 50;
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
    if (!replicas.takesWrites(target) || hints.summary(target).count === 0) return;
    const timer = clock.schedule(1 + random.fraction() * startDelayMsMax, () => {
      this.#replays.set(target, 'running');
      this.#components.logger.info('replaying hints', { target });
      this.#deliver(target, batchMin, 0);
    });
    this.#replays.set(target, timer);
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweepTimer?.cancel();
    for (const replay of this.#replays.values()) if (replay !== 'running') replay.cancel();
    this.#replays.clear();
  }

  #deliver(target: string, batchSize: number, delivered: number): void {
    const { clock, hints, replicas, logger } = this.#components;
    const batch = this.#isStopped ? [] : hints.page(target, batchSize);
    if (batch.length === 0 || !replicas.takesWrites(target)) {
      this.#replays.delete(target);
      logger.info('hints replayed', { target, delivered, left: hints.summary(target).count });
      return;
    }
    const sentAtMs = clock.monotonicMs();
    let waitingFor = batch.length;
    let settled = 0;
    for (const hint of batch) {
      this.#send(target, hint, (isSettled) => {
        if (isSettled) settled++;
        if (--waitingFor > 0) return;
        const isSlow = clock.monotonicMs() - sentAtMs > slowBatchMs;
        const nextSize = isSlow ? batchSize / 2 : batchSize * 2;
        if (settled < batch.length) this.#pause(target);
        else {
          this.#deliver(target, clampBatch(nextSize), delivered + settled);
        }
      });
    }
  }

  #send(target: string, hint: Hint, onDone: (isSettled: boolean) => void): void {
    const { clock, hints, replicas } = this.#components;
    const { key, record } = hint;
    const { version } = record;
    const request = { operation: 'spread', key, record } as const;
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs;
    replicas.clientOf(target).send(request, deadlineMs, (reply: ReplicaReply) => {
      if (reply.outcome === 'ok') hints.remove(target, key, version);
      const isForeign = reply.outcome === 'refused' && reply.reason === 'not-a-replica';
      if (isForeign) hints.abandon(target, key, version);
      onDone(reply.outcome === 'ok' || isForeign);
    });
  }

  /** Something went wrong: the sweep, or news of the target, tries again. */
  #pause(target: string): void {
    this.#replays.delete(target);
  }
}

function clampBatch(size: number): number {
  return Math.min(batchMax, Math.max(batchMin, Math.floor(size)));
}
