/** The last incarnation that is known of each node, and who wants to hear of new ones. */
export class Incarnations {
  readonly #known: Map<string, bigint | undefined>;
  readonly #listeners: ((node: string) => void)[] = [];

  /** @param nodes the names of the ring; others do not count. */
  constructor(nodes: readonly string[]) {
    this.#known = new Map(nodes.map((node) => [node, undefined]));
  }

  /** What is known now; it does not change later. */
  snapshot(): ReadonlyMap<string, bigint | undefined> {
    return new Map(this.#known);
  }

  onRecovered(listener: (node: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes note of a run of a node's process, and tells of it if it is new. */
  report(node: string, incarnation: bigint): void {
    if (!this.#known.has(node) || this.#known.get(node) === incarnation) return;
    this.#known.set(node, incarnation);
    this.tellRecovered(node);
  }

  tellRecovered(node: string): void {
    for (const listener of this.#listeners) listener(node);
  }
}
