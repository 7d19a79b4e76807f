import type { Membership, MembershipView } from './membership.ts';

/** The nodes of the replicas file; what their incarnations are, the peer links find out. */
export class StaticMembership implements Membership {
  readonly kind = 'static';
  readonly #incarnations: Map<string, bigint | undefined>;
  readonly #listeners: ((node: string) => void)[] = [];

  /** @param nodes the names in the replicas file. */
  constructor(nodes: readonly string[]) {
    this.#incarnations = new Map(nodes.map((node) => [node, undefined]));
  }

  view(): MembershipView {
    return { incarnations: new Map(this.#incarnations) };
  }

  onRecovered(listener: (node: string) => void): void {
    this.#listeners.push(listener);
  }

  reportIncarnation(node: string, incarnation: bigint): void {
    if (!this.#incarnations.has(node) || this.#incarnations.get(node) === incarnation) return;
    this.#incarnations.set(node, incarnation);
    for (const listener of this.#listeners) listener(node);
  }
}
