import { QuorateError, type QuorateErrorCode } from '../../src/base/quorate-error.ts';
import type { QuorateClient } from '../../src/client/quorate-client.ts';
import type { SeededRandom } from '../support/simulated-time.ts';

/**
 * Which node a careful application asks: the one with the fewest open calls, and none that has said
 * or shown by its silence that it cannot serve now. So few calls are lost with a node: while it
 * answers nothing it gets no more than the others have open.
 */
export type Side = 'reads' | 'writes';

export interface Coordinator {
  readonly name: string;
  readonly client: QuorateClient;
  readonly open: Record<Side, number>;
  lastAnswerMs: number;
  isSuspect: boolean;
}

/** A node that has answered nothing for this long while it was asked is left alone. */
export const suspectAfterMs = 250;
/** How long a connection may take that is not there yet. */
const connectMsMax = 250;
const probeEveryMs = 250;
/** More would only wait inside the node, and be uncertain if it goes. */
const openMax: Readonly<Record<Side, number>> = { reads: 64, writes: 8 };
const probeKey = Uint8Array.of(0, 0);
/** What a node says of itself, not of the request. */
const ofOneNode: readonly QuorateErrorCode[] = [
  'CONNECTION_FAILED',
  'NODE_NOT_READY',
  'CLOCK_SKEW',
  'NOT_ENOUGH_REPLICAS',
];

export class Coordinators {
  readonly #random: SeededRandom;
  readonly #all: readonly Coordinator[];
  readonly #waiting: Record<Side, ((coordinator: Coordinator) => void)[]> = {
    reads: [],
    writes: [],
  };
  readonly #timer: NodeJS.Timeout;

  constructor(random: SeededRandom, clients: ReadonlyMap<string, QuorateClient>) {
    this.#random = random;
    this.#all = [...clients].map(([name, client]) => ({
      name,
      client,
      open: { reads: 0, writes: 0 },
      lastAnswerMs: 0,
      isSuspect: false,
    }));
    this.#timer = setInterval(() => {
      for (const one of this.#all) if (one.isSuspect) void this.#probe(one);
    }, probeEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A coordinator with room, as soon as there is one. To be used with {@link ask} at once. */
  first(side: Side): Promise<Coordinator> {
    const found = this.#waiting[side].length === 0 ? this.#best(side) : undefined;
    if (found !== undefined) {
      found.open[side]++;
      return Promise.resolve(found);
    }
    return new Promise((resolve) => this.#waiting[side].push(resolve));
  }

  /** Another than the one that failed, now. To be used with {@link ask} at once. */
  other(side: Side, than: Coordinator): Coordinator {
    const others = this.#all.filter((one) => one !== than);
    const good = others.filter(({ isSuspect }) => !isSuspect);
    const found = this.#leastOpen(side, good.length > 0 ? good : others);
    found.open[side]++;
    return found;
  }

  /** Asks once. @throws QuorateError */
  async ask<Answer>(
    coordinator: Coordinator,
    side: Side,
    send: (client: QuorateClient) => Promise<Answer>,
  ): Promise<Answer> {
    const sentMs = performance.now();
    const slow = setTimeout(() => {
      if (coordinator.lastAnswerMs < sentMs) coordinator.isSuspect = true;
    }, suspectAfterMs);
    try {
      // A call that fails for its connection is uncertain, one that was never sent is not.
      await coordinator.client.connect(connectMsMax);
      const answer = await send(coordinator.client);
      coordinator.lastAnswerMs = performance.now();
      return answer;
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      if (ofOneNode.includes(error.code)) coordinator.isSuspect = true;
      throw error;
    } finally {
      clearTimeout(slow);
      coordinator.open[side]--;
      this.#serve(side);
    }
  }

  #best(side: Side): Coordinator | undefined {
    const good = this.#all.filter(({ isSuspect }) => !isSuspect);
    const able = (good.length > 0 ? good : this.#all).filter(
      ({ open }) => open[side] < openMax[side],
    );
    return able.length === 0 ? undefined : this.#leastOpen(side, able);
  }

  #leastOpen(side: Side, from: readonly Coordinator[]): Coordinator {
    const least = Math.min(...from.map(({ open }) => open[side]));
    return this.#random.pick(from.filter(({ open }) => open[side] === least));
  }

  /** Gives room to those that wait for it, in their order. */
  #serve(side: Side): void {
    const waiting = this.#waiting[side];
    while (waiting.length > 0) {
      const found = this.#best(side);
      if (found === undefined) return;
      found.open[side]++;
      waiting.shift()?.(found);
    }
  }

  /** A node that answers a read at QUORUM in time can be asked again. */
  async #probe(suspect: Coordinator): Promise<void> {
    try {
      await suspect.client.get(probeKey, { timeoutMs: suspectAfterMs });
    } catch {
      return;
    }
    suspect.isSuspect = false;
    suspect.lastAnswerMs = performance.now();
    for (const side of ['reads', 'writes'] as const) this.#serve(side);
  }
}
