import { bytesToMapKey, compareBytes } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import { requiredAcks } from '../consistency/consistency-level.ts';
import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { KeyedVersion } from '../record/replica-messages.ts';
import { compareVersions, type Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { type Token, tokenCount } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KeyedRecord } from '../storage/storage.ts';
import { askReplica } from './ask-replica.ts';

/**
 * Walks over the newest records of all keys of the cluster in key order, tombstones included,
 * reading from a quorum of the replicas of each key.
 *
 * It goes in rounds: every node that can be asked lists its next keys with their versions, and the
 * round ends where the first of these lists does. Up to there the lists are complete, so of each
 * key they name the newest version that any of them holds. A quorum of the replicas of *every*
 * token up to there must be among them, also of those of which no key was named: the one node that
 * was left out may be missed, a majority may not. Then the values are fetched.
 *
 * What a quorum acknowledged before the walk began is in it. It is no snapshot of one moment: a
 * key is as it was when the walk came by. A node whose data is damaged there does not list it, and
 * is counted as one that cannot be asked.
 */
export interface ClusterWalkComponents {
  readonly clock: Clock;
  readonly ring: Ring;
  readonly replicas: ReplicaDirectory;
}

/** What one node listed. */
interface Listed {
  readonly node: string;
  readonly keys: readonly KeyedVersion[];
  /** Where its next list begins; `undefined` if it has no more. */
  readonly next: Uint8Array | undefined;
}

/** A key with its newest version, and who holds that. */
interface Found {
  readonly key: Uint8Array;
  readonly version: Version;
  readonly holders: readonly string[];
}

const fetchedAtOnce = 32;

export class ClusterWalk {
  readonly #components: ClusterWalkComponents;

  constructor(components: ClusterWalkComponents) {
    this.#components = components;
  }

  /**
   * The records from a key on, some at a time; the next are fetched when they are asked for.
   *
   * @param start the first key; the very first when empty.
   * @throws QuorateError NOT_ENOUGH_REPLICAS, REPLICA_FAILURE.
   */
  async *from(start: Uint8Array): AsyncIterable<readonly KeyedRecord[]> {
    for (let key: Uint8Array | undefined = start; key !== undefined; ) {
      const lists = await this.#listAll(key);
      const end = firstOf(lists);
      this.#requireQuorums(lists, key, end);
      const found = newestOf(lists, end);
      for (let from = 0; from < found.length; from += fetchedAtOnce) {
        const some = found.slice(from, from + fetchedAtOnce);
        const records = await Promise.all(some.map((one) => this.#fetch(one)));
        yield records.flatMap((record) => record ?? []);
      }
      key = end;
    }
  }

  async #listAll(start: Uint8Array): Promise<readonly Listed[]> {
    const { ring, replicas } = this.#components;
    const asked = ring.nodes.filter((node) => replicas.servesReads(node));
    const lists = await Promise.all(asked.map((node) => this.#list(node, start)));
    return lists.flatMap((list) => list ?? []);
  }

  async #list(node: string, start: Uint8Array): Promise<Listed | undefined> {
    const tokens = this.#components.ring.tokensHeld(node).toBytes();
    let key = start;
    for (;;) {
      const reply = await askReplica(this.#components, node, { operation: 'list', key, tokens });
      if (reply.outcome !== 'listed' || reply.damaged.length > 0) return undefined;
      const { keys, next } = reply;
      // Of records that it should not have it names none, however many there are.
      if (keys.length > 0 || next === undefined) return { node, keys, next };
      key = next;
    }
  }

  /** Refuses to pass over keys that only those may hold who were not asked. */
  #requireQuorums(lists: readonly Listed[], start: Uint8Array, end: Uint8Array | undefined): void {
    const { ring } = this.#components;
    const { isOrdered } = ring.partitioner;
    const first: Token = isOrdered ? (start[0] ?? 0) : 0;
    const last: Token = isOrdered ? (end?.[0] ?? tokenCount - 1) : tokenCount - 1;
    const listing = new Set(lists.map(({ node }) => node));
    for (let token = first; token <= last; token++) {
      const nodes = ring.preferenceList(token);
      const required = requiredAcks('QUORUM', nodes.length);
      const alive = nodes.filter((node) => listing.has(node)).length;
      if (alive >= required) continue;
      const states = nodes.map((node) => `${node}=${listing.has(node) ? 'up' : 'down'}`);
      const details = { required, alive, token, replicas: states.join(' '), mayHaveApplied: false };
      throw new QuorateError('NOT_ENOUGH_REPLICAS', details);
    }
  }

  /** The newest record; `undefined` if it was a tombstone that is not needed any more. */
  async #fetch({ key, version, holders }: Found): Promise<KeyedRecord | undefined> {
    const { replicas } = this.#components;
    const nearest = [...holders].sort(
      (left, right) => replicas.distanceMs(left) - replicas.distanceMs(right),
    );
    for (const holder of nearest) {
      const reply = await askReplica(this.#components, holder, { operation: 'read-value', key });
      if (reply.outcome !== 'ok') continue;
      const { record } = reply;
      if (record === undefined) return undefined;
      if (isAtLeast(record, version)) return { key, record };
    }
    const details = { required: 1, received: 0, failed: holders.length, mayHaveApplied: false };
    throw new QuorateError('REPLICA_FAILURE', details);
  }
}

function isAtLeast(record: VersionedValue, version: Version): boolean {
  return compareVersions(record.version, version) >= 0;
}

/** Where the first of the lists ends; `undefined` if all of them are the last. */
function firstOf(lists: readonly Listed[]): Uint8Array | undefined {
  const ends = lists.flatMap(({ next }) => next ?? []);
  return ends.reduce<Uint8Array | undefined>(
    (first, end) => (first === undefined || compareBytes(end, first) < 0 ? end : first),
    undefined,
  );
}

/** The newest version of each key before the end, in key order. */
function newestOf(lists: readonly Listed[], end: Uint8Array | undefined): readonly Found[] {
  const found = new Map<string, Found>();
  for (const { node, keys } of lists) {
    for (const { key, version } of keys) {
      if (end !== undefined && compareBytes(key, end) >= 0) break;
      const name = bytesToMapKey(key);
      const known = found.get(name);
      const order = compareVersions(version, known?.version);
      if (order > 0) found.set(name, { key, version, holders: [node] });
      else if (order === 0 && known)
        found.set(name, { ...known, holders: [...known.holders, node] });
    }
  }
  return [...found.values()].sort((left, right) => compareBytes(left.key, right.key));
}
