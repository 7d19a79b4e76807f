import { QuorateError, type QuorateErrorCode } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { SeededRandom } from '../support/simulated-time.ts';

/**
 * Which node a careful application asks: the one with the fewest open calls, and none that has said
 * or shown by its silence that it cannot serve now. So few calls are lost with a node: while it
 * answers nothing it gets no more than the others have open.
 */
export type Side = 'reads' | 'writes';

export interface Coordinator {
  readonly name: string;
  readonly client: NodeClient;
  readonly open: Record<Side, number>;
  lastAnswerMs: number;
  standing: Standing;
}

/** From the best to the worst: `silent` may only be slow, `refusing` has said so itself. */
const standings = ['good', 'silent', 'refusing'] as const;
type Standing = (typeof standings)[number];

/** A node that has answered nothing for this long while it was asked is left alone. */
export const suspectAfterMs = 250;
/** How long a connection may take that is not there yet. */
const connectMsMax = 250;
const probeEveryMs = 250;
/** More would only wait inside the node, and be uncertain if it goes. */
const openMax: Readonly<Record<Side, number>> = { reads: 32, writes: 16 };
const probeKey = Uint8Array.of(0, 0);
/** What a node says of itself, not of the request. */
const ofOneNode: readonly QuorateErrorCode[] = [
  'CONNECTION_FAILED',
  'NODE_NOT_READY',
  'CLOCK_SKEW',
];

interface Waiting {
  readonly resolve: (coordinator: Coordinator) => void;
  /** Whom it must not get. */
  readonly than: Coordinator | undefined;
}

export class Coordinators {
  readonly #random: SeededRandom;
  readonly #all: readonly Coordinator[];
  readonly #waiting: Readonly<Record<Side, Waiting[]>> = { reads: [], writes: [] };
  readonly #timer: NodeJS.Timeout;

  constructor(random: SeededRandom, clients: ReadonlyMap<string, NodeClient>) {
    this.#random = random;
    this.#all = [...clients].map(([name, client]) => ({
      name,
      client,
      open: { reads: 0, writes: 0 },
      lastAnswerMs: 0,
      standing: 'good',
    }));
    this.#timer = setInterval(() => {
      for (const one of this.#all) if (one.standing !== 'good') void this.#probe(one);
    }, probeEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A coordinator with room, as soon as there is one. To be used with {@link ask} at once. */
  first(side: Side): Promise<Coordinator> {
    return new Promise((resolve) => {
      this.#waiting[side].push({ resolve, than: undefined });
      this.#serve(side);
    });
  }

  /** Another than the one that failed, before those that wait for their first. */
  other(side: Side, than: Coordinator): Promise<Coordinator> {
    return new Promise((resolve) => {
      this.#waiting[side].unshift({ resolve, than });
      this.#serve(side);
    });
  }

  /** Asks once. @throws QuorateError */
  async ask<Answer>(
    coordinator: Coordinator,
    side: Side,
    level: ConsistencyLevel,
    send: (client: NodeClient) => Promise<Answer>,
  ): Promise<Answer> {
    const sentMs = performance.now();
    const judge = () => {
      if (coordinator.lastAnswerMs < sentMs) this.#lower(coordinator, 'silent');
    };
    // Answers that are here already, and were not read because this process was busy, count.
    const slow = setTimeout(() => setImmediate(judge), suspectAfterMs);
    try {
      // A call that fails for its connection is uncertain, one that was never sent is not.
      await coordinator.client.connect(connectMsMax);
      const answer = await send(coordinator.client);
      coordinator.lastAnswerMs = performance.now();
      const isQuick = coordinator.lastAnswerMs - sentMs < suspectAfterMs;
      if (isQuick && coordinator.standing === 'silent') coordinator.standing = 'good';
      return answer;
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      const isAlone = error.code === 'NOT_ENOUGH_REPLICAS' && level === 'QUORUM';
      const isQuick = performance.now() - sentMs < suspectAfterMs;
      if (isAlone || ofOneNode.includes(error.code)) {
        this.#lower(coordinator, isQuick ? 'refusing' : 'silent');
      }
      throw error;
    } finally {
      clearTimeout(slow);
      coordinator.open[side]--;
      this.#serve(side);
    }
  }

  #lower(coordinator: Coordinator, to: Standing): void {
    const isLower = standings.indexOf(to) > standings.indexOf(coordinator.standing);
    if (isLower) coordinator.standing = to;
  }

  #best(side: Side, than: Coordinator | undefined): Coordinator | undefined {
    const able = bestOf(this.#all.filter((one) => one !== than)).filter(
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
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const found = this.#best(side, next.than);
      if (found === undefined) return;
      found.open[side]++;
      waiting.shift();
      next.resolve(found);
    }
  }

  /** A node that answers a read at QUORUM in time can be asked again. */
  async #probe(suspect: Coordinator): Promise<void> {
    try {
      await suspect.client.get(probeKey, { timeoutMs: suspectAfterMs });
    } catch {
      return;
    }
    suspect.standing = 'good';
    suspect.lastAnswerMs = performance.now();
    for (const side of ['reads', 'writes'] as const) this.#serve(side);
  }
}

/** Those with the best standing that any of them has. */
function bestOf(coordinators: readonly Coordinator[]): readonly Coordinator[] {
  const best = standings.find((one) => coordinators.some(({ standing }) => standing === one));
  return coordinators.filter(({ standing }) => standing === best);
}
