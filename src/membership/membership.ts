/**
 * Who is registered, in which incarnation. It says nothing of who owns what (the ring) or of who
 * can be reached now (the links).
 *
 * Recovery means a new incarnation or a new registration, never a name that reappeared: a node that
 * restarts between two looks has the same name both times.
 */
export interface Membership {
  /** What is known now. */
  view(): MembershipView;
  /** Calls back with the name of each node that came back. */
  onRecovered(listener: (node: string) => void): void;
  /** A link met a run of a node's process. */
  reportIncarnation(node: string, incarnation: bigint): void;
}

export interface MembershipView {
  readonly kind: 'static' | 'zookeeper';
  /**
   * What the registrations are worth: `connected` is fresh; while `suspended` or `lost` the last
   * ones stand and nobody is judged by them. Always `static` without ZooKeeper.
   */
  readonly state: 'static' | 'connected' | 'suspended' | 'lost';
  /** Who does the duties of the cluster and who would follow; `undefined` where nobody is elected. */
  readonly leader: string | undefined;
  readonly standby: string | undefined;
  /** The nodes that are registered; `undefined` where nobody registers. */
  readonly registered: ReadonlySet<string> | undefined;
  /** Every node of the ring with its last known incarnation; `undefined` if never met. */
  readonly incarnations: ReadonlyMap<string, bigint | undefined>;
}
