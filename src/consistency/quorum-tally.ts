import { bitOf, countBits } from './node-set.ts';

/**
 * Counts answers towards a required number. An outcome has three states, so that a request that
 * can no longer succeed ends at once instead of at its deadline (as in etcd's raft quorums).
 */
export type QuorumOutcome = 'pending' | 'reached' | 'unreachable';

export class QuorumTally {
  readonly #required: number;
  readonly #candidates: readonly string[];
  /** Bits of nodes; no node is in both. */
  #succeeded = 0;
  #failed = 0;

  /**
   * @param required how many successes are needed.
   * @param candidates the nodes that may be counted on.
   */
  constructor(required: number, candidates: readonly string[]) {
    this.#required = required;
    this.#candidates = candidates;
  }

  get received(): number {
    return countBits(this.#succeeded);
  }

  get failed(): number {
    return countBits(this.#failed);
  }

  hasSucceeded(node: string): boolean {
    return (this.#succeeded & bitOf(node, this.#candidates)) !== 0;
  }

  hasFailed(node: string): boolean {
    return (this.#failed & bitOf(node, this.#candidates)) !== 0;
  }

  /** Counts a node's success. A node counts once, however often it answers. */
  succeed(node: string): void {
    const bit = bitOf(node, this.#candidates);
    if ((this.#failed & bit) === 0) this.#succeeded |= bit;
  }

  /** Counts a node's failure, unless it has succeeded. */
  fail(node: string): void {
    const bit = bitOf(node, this.#candidates);
    if ((this.#succeeded & bit) === 0) this.#failed |= bit;
  }

  outcome(): QuorumOutcome {
    if (this.received >= this.#required) return 'reached';
    const { length } = this.#candidates;
    return length - this.failed >= this.#required ? 'pending' : 'unreachable';
  }
}
