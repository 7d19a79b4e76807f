import { Incarnations } from './incarnations.ts';
import type { Membership, MembershipView } from './membership.ts';

/** The nodes of the replicas file; what their incarnations are, the peer links find out. */
export class StaticMembership implements Membership {
  readonly #incarnations: Incarnations;

  /** @param nodes the names in the replicas file. */
  constructor(nodes: readonly string[]) {
    this.#incarnations = new Incarnations(nodes);
  }

  view(): MembershipView {
    return {
      kind: 'static',
      state: 'static',
      leader: undefined,
      standby: undefined,
      registered: undefined,
      incarnations: this.#incarnations.snapshot(),
    };
  }

  onRecovered(listener: (node: string) => void): void {
    this.#incarnations.onRecovered(listener);
  }

  reportIncarnation(node: string, incarnation: bigint): void {
    this.#incarnations.report(node, incarnation);
  }
}
