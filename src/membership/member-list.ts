/**
 * Decides what a fresh list of registrations means. Pure: whoever reads the list tells it here.
 *
 * Recovery is a new registration, told by its czxid: a node that deleted and made its registration
 * anew between two looks shows the same names both times. A list that is empty or has lost most of
 * its members at once says more about ZooKeeper than about the nodes (others have taken a whole
 * service down by believing one), so it changes nothing and raises an alarm.
 */

/** One live registration. */
export interface Registration {
  readonly node: string;
  /** The transaction that made it: new for each registration. */
  readonly czxid: bigint;
  readonly incarnation: bigint;
}

/** What a list changed. */
export interface MemberListChange {
  /** Nodes whose registration is new. */
  readonly recovered: readonly Registration[];
  /** Nodes whose registration has gone. */
  readonly gone: readonly string[];
  /** Why the list was not believed; `undefined` if it was. */
  readonly alarm: 'empty' | 'shrunk' | undefined;
}

/** A list that keeps fewer than this share of the members known before is not believed. */
const keptShareMin = 1 / 2;
/** Of fewer members than this, any number may really go at once. */
const believedShrinkFrom = 3;

export class MemberList {
  readonly #nodes: ReadonlySet<string>;
  #members = new Map<string, Registration>();

  /** @param nodes the names of the ring; registrations of others do not count. */
  constructor(nodes: readonly string[]) {
    this.#nodes = new Set(nodes);
  }

  /** The registrations that are believed now, by node. */
  get members(): ReadonlyMap<string, Registration> {
    return this.#members;
  }

  /** Takes a whole list, as it was read. */
  update(registrations: readonly Registration[]): MemberListChange {
    const known = registrations.filter(({ node }) => this.#nodes.has(node));
    const alarm = this.#doubt(known);
    if (alarm !== undefined) return { recovered: [], gone: [], alarm };
    const before = this.#members;
    this.#members = new Map(known.map((registration) => [registration.node, registration]));
    return {
      recovered: known.filter(({ node, czxid }) => before.get(node)?.czxid !== czxid),
      gone: [...before.keys()].filter((node) => !this.#members.has(node)),
      alarm: undefined,
    };
  }

  #doubt(known: readonly Registration[]): MemberListChange['alarm'] {
    const before = this.#members.size;
    if (before === 0) return undefined;
    if (known.length === 0) return 'empty';
    const kept = known.filter(({ node }) => this.#members.has(node)).length;
    return before >= believedShrinkFrom && kept < before * keptShareMin ? 'shrunk' : undefined;
  }
}
