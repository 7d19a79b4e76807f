import type { Membership, MembershipView } from '../../src/membership/membership.ts';
import { StaticMembership } from '../../src/membership/static-membership.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { SeededRandom } from '../support/simulated-time.ts';

/**
 * What watches and sessions make of membership at their worst: news that a node came back are late,
 * lost or told twice, and now and then there are some of a node that was never away.
 */
export class UnreliableNews implements Membership {
  readonly #exact: StaticMembership;
  readonly #nodes: readonly string[];
  readonly #clock: Clock;
  readonly #random: SeededRandom;

  constructor(
    nodes: readonly string[],
    by: { readonly clock: Clock; readonly random: SeededRandom },
  ) {
    this.#exact = new StaticMembership(nodes);
    this.#nodes = nodes;
    this.#clock = by.clock;
    this.#random = by.random;
  }

  view(): MembershipView {
    return this.#exact.view();
  }

  onRecovered(listener: (node: string) => void): void {
    const random = this.#random;
    this.#exact.onRecovered((node) => {
      const times = random.pick([0, 1, 1, 2]);
      for (let time = 0; time < times; time++) {
        this.#clock.schedule(random.below(3_000), () => listener(node));
      }
    });
    this.#clock.schedule(random.below(6_000), () => listener(random.pick(this.#nodes)));
  }

  reportIncarnation(node: string, incarnation: bigint): void {
    this.#exact.reportIncarnation(node, incarnation);
  }
}
