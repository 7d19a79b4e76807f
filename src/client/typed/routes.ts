import { QuorateError } from '../../base/quorate-error.ts';
import type { Token } from '../../ring/partitioner.ts';
import type { Ring } from '../../ring/ring.ts';
import type { KeySpelling } from '../../wire/key-form.ts';
import type { ClusterAnswer } from '../answers.ts';
import { ringOf } from '../ring-layout.ts';
import type { NodeLink } from './node-link.ts';

/**
 * Which nodes hold a key, so that one of them is asked: it has its own copy at hand. A client that
 * is older than the ring does without, since every node takes every call.
 */
export class Routes {
  readonly #ring: Ring | undefined;
  /** The links to the replicas of each token, as far as there are any. */
  readonly #linksOf: readonly (readonly NodeLink[])[];

  constructor(ring: Ring | undefined, links: readonly NodeLink[]) {
    this.#ring = ring;
    const linkOf = new Map(links.map((link) => [link.name, link]));
    const linksOf = ({ first, last }: { first: Token; last: Token }) => {
      const list = ring?.preferenceList(first).map((name) => linkOf.get(name)) ?? [];
      const known = list.filter((link) => link !== undefined);
      return Array.from({ length: last - first + 1 }, () => known);
    };
    this.#linksOf = ring?.ranges().flatMap(linksOf) ?? [];
  }

  /** The links to the replicas of a key; none if they are not known. */
  replicasOf(key: KeySpelling): readonly NodeLink[] {
    if (this.#ring === undefined) return [];
    return this.#linksOf[tokenOf(this.#ring, key)] ?? [];
  }
}

/** The ring of a cluster, unless this client does not know its kind. */
export function knownRingOf(cluster: ClusterAnswer): Ring | undefined {
  try {
    return ringOf(cluster);
  } catch (error: unknown) {
    if (error instanceof QuorateError && error.code === 'UNIMPLEMENTED') return undefined;
    throw error;
  }
}

function tokenOf({ partitioner }: Ring, key: KeySpelling): Token {
  if (partitioner.isOrdered) {
    // The first byte is all that counts, and mostly a letter.
    const first = typeof key === 'string' ? key.charCodeAt(0) : undefined;
    if (first !== undefined && first < 0x80) return first;
  }
  if (typeof key === 'number') return partitioner.tokenOf(Uint8Array.of(key));
  return partitioner.tokenOf(typeof key === 'string' ? Buffer.from(key) : key);
}
