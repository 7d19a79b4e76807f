import { bitOf, countBits } from './node-set.ts';

/** Something about each of a few nodes; see NodeSet for why this is no Map. */
export class NodeMap<Value> {
  readonly #candidates: readonly string[];
  readonly #values: (Value | undefined)[];
  #bits = 0;

  /** @param candidates all nodes that may be in it, 31 at most. */
  constructor(candidates: readonly string[]) {
    this.#candidates = candidates;
    // As long as it will be: one that grows takes room for 17.
    this.#values = new Array(candidates.length);
  }

  get size(): number {
    return countBits(this.#bits);
  }

  has(node: string): boolean {
    return (this.#bits & bitOf(node, this.#candidates)) !== 0;
  }

  get(node: string): Value | undefined {
    return this.#values[this.#candidates.indexOf(node)];
  }

  set(node: string, value: Value): void {
    this.#bits |= bitOf(node, this.#candidates);
    this.#values[this.#candidates.indexOf(node)] = value;
  }

  delete(node: string): void {
    this.#bits &= ~bitOf(node, this.#candidates);
    this.#values[this.#candidates.indexOf(node)] = undefined;
  }
}
