import { clockDriftMsMax } from '../record/hybrid-clock.ts';
import {
  type ReclaimRequest,
  type ReplicaReply,
  type ReplicaStanding,
  refused,
} from '../record/replica-messages.ts';
import { clockAtMs, laterClock } from '../record/version.ts';
import { FloorClocks } from '../ring/floor-clocks.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TokenFloors } from '../storage/token-floors.ts';
import { formerLifeMs } from './rebuild.ts';

/**
 * A node's part in the rounds that raise floors; TombstoneReclaim leads them and tells why they go
 * as they do. What a round has come to here is gone with the process, and the round with it.
 */
export interface ReclaimMemberComponents {
  readonly clock: Clock;
  readonly floors: TokenFloors;
  readonly ring: Ring;
  /** The node's replica. */
  readonly replica: { readonly standing: ReplicaStanding };
  /** Whether this node keeps no hint for some tokens older than a clock, and no DIRTY mark. */
  readonly isClear: (tokens: TokenSet, clock: bigint) => boolean;
  /** Told when floors were raised. */
  readonly onRaised: () => void;
  /** Told that a replica has a floor that this one never agreed to: its disk is an old one. */
  readonly onOutdated: () => void;
}

export interface ReclaimMemberOptions {
  readonly node: string;
  readonly tombstoneAgeMs: number;
  /** Whether floors outlive the process: else it takes no part. */
  readonly isDurable: boolean;
}

interface Round {
  readonly tokens: TokenSet;
  readonly clock: bigint;
  state: 'joined' | 'open' | 'disturbed' | 'sealed';
}

export class ReclaimMember {
  readonly #components: ReclaimMemberComponents;
  readonly #options: ReclaimMemberOptions;
  /** By their ids; no two have a token in common. */
  readonly #rounds = new Map<bigint, Round>();

  constructor(components: ReclaimMemberComponents, options: ReclaimMemberOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Takes a step of a round; settles when it is durable. */
  async answer(request: ReclaimRequest): Promise<ReplicaReply> {
    try {
      const isDone = await this.#step(request);
      if (!isDone) return refused('not-now');
      return { outcome: 'floors', floors: this.#components.floors.newest.toBytes() };
    } catch {
      // The disk is full or has failed, which is told elsewhere.
      return refused('not-now');
    }
  }

  /** Below which clock stores of a token must be noted; 0 if none is watched. */
  watchedBelow(token: Token): bigint {
    let clock = 0n;
    for (const round of this.#rounds.values()) {
      if (round.state === 'open' && round.tokens.has(token)) clock = laterClock(clock, round.clock);
    }
    return clock;
  }

  /** Something new is being stored below what is watched. */
  noteStored(token: Token, clock: bigint): void {
    for (const round of this.#rounds.values()) {
      const isMet = round.state === 'open' && round.tokens.has(token) && clock < round.clock;
      if (isMet) round.state = 'disturbed';
    }
  }

  /**
   * Learns that a replica of a token has raised its floor, which it did only after all had sealed.
   *
   * @returns whether this one has raised its own.
   */
  async raiseTo(token: Token, clock: bigint): Promise<boolean> {
    const { floors, replica, onOutdated } = this.#components;
    if (clock <= floors.floorOf(token)) return true;
    if (!replica.standing.servesReads) return false;
    if (clock > floors.sealOf(token)) {
      onOutdated();
      return false;
    }
    await floors.raise([token], () => clock);
    return true;
  }

  #step(request: ReclaimRequest): Promise<boolean> {
    switch (request.operation) {
      case 'read-floors':
        return Promise.resolve(true);
      case 'join-reclaim':
        return Promise.resolve(
          this.#join(request.round, TokenSet.fromBytes(request.tokens), request.clock),
        );
      case 'open-reclaim':
        return this.#open(request.round, FloorClocks.fromBytes(request.floors));
      case 'seal-reclaim':
        return this.#seal(request.round);
      case 'raise-reclaim':
        return this.#raise(request.round);
    }
  }

  #join(id: bigint, tokens: TokenSet, clock: bigint): boolean {
    const { clock: time, isClear, replica, ring } = this.#components;
    for (const [other, round] of this.#rounds) {
      if (round.tokens.without(tokens) !== round.tokens) this.#rounds.delete(other);
    }
    if (clock > floorClock(time.realtimeMs() + clockDriftMsMax, this.#options.tombstoneAgeMs)) {
      return false;
    }
    const isReplica = tokens.tokens().some((token) => ring.holds(this.#options.node, token));
    const { servesReads, takesWrites } = replica.standing;
    const isAble = this.#options.isDurable && servesReads && takesWrites;
    if ((isReplica && !isAble) || !isClear(tokens, clock)) return false;
    this.#rounds.set(id, { tokens, clock, state: 'joined' });
    return true;
  }

  async #open(id: bigint, before: FloorClocks): Promise<boolean> {
    const { floors, onOutdated } = this.#components;
    const round = this.#rounds.get(id);
    if (round === undefined) return false;
    const tokens = round.tokens.tokens();
    if (tokens.some((token) => before.of(token) > floors.sealOf(token))) {
      onOutdated();
      return false;
    }
    round.state = 'open';
    const clockOf = (token: Token) => before.of(token);
    await Promise.all([floors.seal(tokens, clockOf), floors.raise(tokens, clockOf)]);
    return true;
  }

  async #seal(id: bigint): Promise<boolean> {
    const round = this.#rounds.get(id);
    if (round?.state !== 'open') return false;
    round.state = 'sealed';
    await this.#components.floors.seal(round.tokens.tokens(), () => round.clock);
    return this.#rounds.get(id) === round;
  }

  async #raise(id: bigint): Promise<boolean> {
    const { floors, onRaised } = this.#components;
    const round = this.#rounds.get(id);
    if (round?.state !== 'sealed') return false;
    await floors.raise(round.tokens.tokens(), () => round.clock);
    onRaised();
    return true;
  }
}

/** The highest floor that may be raised at a time. */
export function floorClock(realtimeMs: number, tombstoneAgeMs: number): bigint {
  return clockAtMs(Math.max(0, realtimeMs - Math.max(formerLifeMs, tombstoneAgeMs)));
}
