import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ReplicaReply } from '../record/replica-messages.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { noTokens, TokenSet } from '../ring/token-set.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { DirtyTokens } from './dirty-tokens.ts';

/**
 * Makes DIRTY tokens whole: asks the replica that may miss a write to copy them from all their
 * other replicas, until it says that a copy begun after the first wish has ended well.
 *
 * A round is one such wish. It ends the marks that it began with, except for those that were set
 * again meanwhile: what they stand for may have been missed after the copy had passed. Tokens wait
 * until all their replicas can be asked, since a copy from fewer proves nothing.
 */
export interface DirtyHealerComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly dirty: DirtyTokens;
  readonly replicas: ReplicaDirectory;
  readonly ring: Ring;
}

const sweepEveryMs = 10_000;
const startDelayMsMax = 1_000;
const askEveryMs = 2_000;
const askTimeoutMs = 5_000;

/** What one target was asked to copy. */
interface Round {
  readonly id: bigint;
  readonly tokens: TokenSet;
  /** Marked since the round began. */
  again: TokenSet;
}

export class DirtyHealer {
  readonly #components: DirtyHealerComponents;
  readonly #rounds = new Map<string, Round>();
  /** By target when it is looked at next; `undefined` while a request to it is under way. */
  readonly #looks = new Map<string, Timer | undefined>();
  #sweepTimer: Timer | undefined;
  #isStopped = false;

  constructor(components: DirtyHealerComponents) {
    this.#components = components;
    components.dirty.onMark((target, tokens) => {
      const round = this.#rounds.get(target);
      if (round !== undefined) round.again = round.again.union(tokens);
      this.#lookSoon(target);
    });
  }

  start(): void {
    this.heal();
    this.#sweepTimer = this.#components.clock.schedule(sweepEveryMs, () => this.start());
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweepTimer?.cancel();
    for (const look of this.#looks.values()) look?.cancel();
    this.#looks.clear();
  }

  /** Looks soon whether something can be done: for news of nodes that can be reached again. */
  heal(): void {
    for (const target of this.#components.ring.nodes) this.#lookSoon(target);
  }

  #lookSoon(target: string): void {
    if (this.#isStopped || this.#looks.has(target)) return;
    if (this.#components.dirty.tokensOf(target).isEmpty) return;
    this.#lookIn(target, 1 + this.#components.random.fraction() * startDelayMsMax);
  }

  #lookIn(target: string, delayMs: number): void {
    this.#looks.set(
      target,
      this.#components.clock.schedule(delayMs, () => this.#look(target)),
    );
  }

  #look(target: string): void {
    const round = this.#roundFor(target);
    if (round === undefined) {
      this.#looks.delete(target);
      return;
    }
    const { clock, replicas } = this.#components;
    this.#looks.set(target, undefined);
    const request = { operation: 'copy', tokens: round.tokens.toBytes(), round: round.id } as const;
    const deadlineMs = clock.monotonicMs() + askTimeoutMs;
    const onReply = (reply: ReplicaReply) => this.#onReply(target, round, reply);
    replicas.clientOf(target).send(request, deadlineMs, onReply, 'patient');
  }

  #onReply(target: string, round: Round, reply: ReplicaReply): void {
    if (this.#isStopped) return;
    const isDone = reply.outcome === 'copying' && reply.isDone;
    if (isDone) this.#endRound(target, round);
    this.#looks.delete(target);
    if (isDone) this.#lookSoon(target);
    else this.#lookIn(target, askEveryMs);
  }

  #endRound(target: string, round: Round): void {
    const { dirty, logger } = this.#components;
    this.#rounds.delete(target);
    dirty.clear(target, round.tokens.without(round.again));
    const left = dirty.tokensOf(target).tokens().length;
    logger.info('dirty tokens copied', { target, copied: round.tokens.tokens().length, left });
  }

  /** The round that goes on or begins now; `undefined` if nothing can be copied now. */
  #roundFor(target: string): Round | undefined {
    const current = this.#rounds.get(target);
    if (current?.tokens.tokens().every((token) => this.#canCopy(target, token))) return current;
    this.#rounds.delete(target);
    const { dirty, logger, random, ring } = this.#components;
    const marked = dirty.tokensOf(target).tokens();
    // Whoever holds these now has got them in another way.
    dirty.clear(target, TokenSet.of(marked.filter((token) => !ring.holds(target, token))));
    const ready = marked.filter((token) => this.#canCopy(target, token));
    if (ready.length === 0) return undefined;
    const round = { id: random.uint64(), tokens: TokenSet.of(ready), again: noTokens };
    this.#rounds.set(target, round);
    logger.info('asking for a copy of dirty tokens', { target, tokens: ready.length });
    return round;
  }

  #canCopy(target: string, token: Token): boolean {
    const { replicas, ring } = this.#components;
    return (
      ring.holds(target, token) &&
      ring
        .preferenceList(token)
        .every((node) =>
          node === target ? replicas.takesWrites(node) : replicas.servesReads(node),
        )
    );
  }
}
