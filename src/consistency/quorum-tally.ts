import { NodeSet } from './node-set.ts';

/**
 * Counts answers towards a required number. An outcome has three states, so that a request that
 * can no longer succeed ends at once instead of at its deadline (as in etcd's raft quorums).
 */
export type QuorumOutcome = 'pending' | 'reached' | 'unreachable';

export class QuorumTally {
  readonly #required: number;
  readonly #candidates: number;
  readonly #succeeded: NodeSet;
  readonly #failed: NodeSet;

  /**
   * @param required how many successes are needed.
   * @param candidates the nodes that may be counted on.
   */
  constructor(required: number, candidates: readonly string[]) {
    this.#required = required;
    this.#candidates = candidates.length;
    this.#succeeded = new NodeSet(candidates);
    this.#failed = new NodeSet(candidates);
  }

  get received(): number {
    return this.#succeeded.size;
  }

  get failed(): number {
    return this.#failed.size;
  }

  hasSucceeded(node: string): boolean {
    return this.#succeeded.has(node);
  }

  hasFailed(node: string): boolean {
    return this.#failed.has(node);
  }

  /** Counts a node's success. A node counts once, however often it answers. */
  succeed(node: string): void {
    if (!this.#failed.has(node)) this.#succeeded.add(node);
  }

  /** Counts a node's failure, unless it has succeeded. */
  fail(node: string): void {
    if (!this.#succeeded.has(node)) this.#failed.add(node);
  }

  outcome(): QuorumOutcome {
    if (this.#succeeded.size >= this.#required) return 'reached';
    return this.#candidates - this.#failed.size >= this.#required ? 'pending' : 'unreachable';
  }
}
