import { assert } from '../base/assert.ts';
import { type Partitioner, type Token, tokenCount } from './partitioner.ts';
import { TokenSet } from './token-set.ts';

/**
 * Who owns which tokens: an epoch and 256 owners. Only an operator changes it; a failure never
 * does. From n nodes, node i owns floor(256·i/n) to floor(256·(i+1)/n)−1.
 *
 * The key's replicas follow clockwise from the owner, as in Dynamo (DeCandia et al., 2007), without
 * virtual nodes: positions are few and an operator can say them aloud.
 */
export interface RingInit {
  readonly epoch: number;
  readonly partitioner: Partitioner;
  /** How many replicas a key should have; a ring of fewer nodes gives it that many. */
  readonly replicationFactor: number;
  /** The owner of each token, 256 of them. */
  readonly owners: readonly string[];
}

export class Ring {
  readonly epoch: number;
  readonly partitioner: Partitioner;
  readonly replicationFactor: number;
  /** All nodes, in the order of the first token they own. */
  readonly nodes: readonly string[];
  readonly #owners: readonly string[];
  readonly #preferenceLists: readonly (readonly string[])[];

  constructor(init: RingInit) {
    assert(init.owners.length === tokenCount, 'a ring has 256 owners');
    assert(init.replicationFactor >= 1, 'a key has at least one replica');
    this.epoch = init.epoch;
    this.partitioner = init.partitioner;
    this.replicationFactor = init.replicationFactor;
    this.#owners = init.owners;
    this.nodes = [...new Set(init.owners)];
    this.#preferenceLists = init.owners.map((_, token) => this.#walk(token));
  }

  /** How many replicas each key really has: the replication factor, or all nodes if fewer. */
  get replicas(): number {
    return Math.min(this.replicationFactor, this.nodes.length);
  }

  /** The node that owns a token. */
  ownerOf(token: Token): string {
    const owner = this.#owners[token];
    assert(owner !== undefined, 'a token is 0 to 255');
    return owner;
  }

  /** The nodes that hold a token: the owner, then the next distinct owners clockwise. */
  preferenceList(token: Token): readonly string[] {
    const list = this.#preferenceLists[token];
    assert(list !== undefined, 'a token is 0 to 255');
    return list;
  }

  /** Whether a node holds a token. */
  holds(node: string, token: Token): boolean {
    return this.preferenceList(token).includes(node);
  }

  /** The tokens that a node holds. */
  tokensHeld(node: string): TokenSet {
    return TokenSet.of([...this.#owners.keys()].filter((token) => this.holds(node, token)));
  }

  /** How many tokens a node owns. */
  tokensOwned(node: string): number {
    return this.#owners.filter((owner) => owner === node).length;
  }

  /**
   * The ring as text, without addresses. Two nodes may talk only if theirs are equal: with another
   * order of nodes their quorums would never meet.
   */
  digest(): string {
    const parts = this.ranges().map(({ owner, first, last }) => `${first}-${last}:${owner}`);
    return `epoch=${this.epoch} partitioner=${this.partitioner.name} replication-factor=${this.replicationFactor} owners=${parts.join(',')}`;
  }

  /** Runs of consecutive tokens with one owner, from token 0 on. */
  ranges(): readonly TokenRange[] {
    const ranges: { owner: string; first: Token; last: Token }[] = [];
    for (const [token, owner] of this.#owners.entries()) {
      const current = ranges.at(-1);
      if (current?.owner === owner) current.last = token;
      else ranges.push({ owner, first: token, last: token });
    }
    return ranges;
  }

  #walk(token: Token): readonly string[] {
    const list = new Set<string>();
    for (let step = 0; step < tokenCount && list.size < this.replicas; step++) {
      list.add(this.ownerOf((token + step) % tokenCount));
    }
    return [...list];
  }
}

/** Consecutive tokens of one owner, both ends included. */
export interface TokenRange {
  readonly owner: string;
  readonly first: Token;
  readonly last: Token;
}

/** The owners of an even ring: 256 tokens dealt to the nodes (1 to 256) in order, in equal arcs. */
export function evenOwners(nodes: readonly string[]): readonly string[] {
  assert(nodes.length >= 1 && nodes.length <= tokenCount, 'a ring has 1 to 256 nodes');
  return nodes.flatMap((node, index) => {
    const first = Math.floor((tokenCount * index) / nodes.length);
    const next = Math.floor((tokenCount * (index + 1)) / nodes.length);
    return Array<string>(next - first).fill(node);
  });
}
