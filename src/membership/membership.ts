/**
 * Who is registered, in which incarnation. It says nothing of who owns what (the ring) or of who
 * can be reached now (the links).
 *
 * Recovery means a new incarnation, never a name that reappeared: a node that restarts between two
 * looks has the same name both times.
 */
export interface Membership {
  readonly kind: 'static';
  /** What is known now. */
  view(): MembershipView;
  /** Calls back with the name of each node that came back in a new incarnation. */
  onRecovered(listener: (node: string) => void): void;
  /** A link met a run of a node's process. */
  reportIncarnation(node: string, incarnation: bigint): void;
}

export interface MembershipView {
  /** Every node of the ring with its last known incarnation; `undefined` if never met. */
  readonly incarnations: ReadonlyMap<string, bigint | undefined>;
}
