import { NodeSet } from './node-set.ts';

/** Something about each of a few nodes; see {@link NodeSet} for why this is no Map. */
export class NodeMap<Value> {
  readonly #candidates: readonly string[];
  readonly #nodes: NodeSet;
  readonly #values: (Value | undefined)[];

  /** @param candidates all nodes that may be in it, 31 at most. */
  constructor(candidates: readonly string[]) {
    this.#candidates = candidates;
    this.#nodes = new NodeSet(candidates);
    // As long as it will be: one that grows takes room for 17.
    this.#values = new Array(candidates.length);
  }

  get size(): number {
    return this.#nodes.size;
  }

  has(node: string): boolean {
    return this.#nodes.has(node);
  }

  get(node: string): Value | undefined {
    return this.#values[this.#candidates.indexOf(node)];
  }

  set(node: string, value: Value): void {
    this.#nodes.add(node);
    this.#values[this.#candidates.indexOf(node)] = value;
  }

  delete(node: string): void {
    this.#nodes.delete(node);
    this.#values[this.#candidates.indexOf(node)] = undefined;
  }
}
