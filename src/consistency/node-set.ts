import { assert } from '../base/assert.ts';

/**
 * Which of a few nodes something is true of. Every request keeps several of these, so they are bits
 * and not hash tables.
 */
export class NodeSet {
  readonly #candidates: readonly string[];
  #bits = 0;

  /** @param candidates all nodes that may be in it, 31 at most. */
  constructor(candidates: readonly string[]) {
    this.#candidates = candidates;
  }

  get size(): number {
    return countBits(this.#bits);
  }

  has(node: string): boolean {
    return (this.#bits & bitOf(node, this.#candidates)) !== 0;
  }

  add(node: string): void {
    this.#bits |= bitOf(node, this.#candidates);
  }
}

/** The bit that stands for a node among a few. */
export function bitOf(node: string, candidates: readonly string[]): number {
  const index = candidates.indexOf(node);
  assert(index >= 0 && index < bitsMax, 'a node is one of those that may be in the set');
  return 1 << index;
}

/** How many nodes some bits stand for. */
export function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

const bitsMax = 31;
