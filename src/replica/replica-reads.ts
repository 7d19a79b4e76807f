import { compareBytes } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import {
  type ReplicaReply,
  type ReplicaRequest,
  refused,
  type VersionDifference,
} from '../record/replica-messages.ts';
import { clockAtMs, compareVersions, floorVersion, newerVersion } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { type Token, tokenCount } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Reclaimable } from '../storage/reclaimable.ts';
import type { Storage } from '../storage/storage.ts';
import type { TokenFloors } from '../storage/token-floors.ts';

/** What one node's copy says of what it holds: absent keys have the floor of their token. */
export interface ReplicaReadsComponents {
  readonly clock: Clock;
  readonly ring: Ring;
  readonly storage: Storage;
  readonly floors: TokenFloors;
  readonly reclaimable: Reclaimable;
}

type ListRequest = Extract<ReplicaRequest, { readonly operation: 'list' }>;
type CompareRequest = Extract<ReplicaRequest, { readonly operation: 'compare' }>;
/** A request for what is held of one key. */
export type ReadRequest = Extract<
  ReplicaRequest,
  { readonly operation: 'read-value' | 'read-version' | 'query-version' }
>;

type ReadReply = Extract<ReplicaReply, { readonly outcome: 'ok' }>;

/** How many records a list looks through at once, and how large they may be together. */
const listedMax = 512;
const listedBytesMax = 1024 * 1024;
/**
 * How far ahead of its own time a replica names its newest clock: a coordinator 250 ms behind still
 * follows it, within the 500 ms that a version may be ahead. One key that is further ahead must not
 * hold up all others.
 */
const namedAheadMsMax = 200;

export class ReplicaReads {
  readonly #clock: Clock;
  readonly #ring: Ring;
  readonly #storage: Storage;
  readonly #floors: TokenFloors;
  readonly #reclaimable: Reclaimable;
  readonly #node: string;

  constructor(components: ReplicaReadsComponents, node: string) {
    this.#clock = components.clock;
    this.#ring = components.ring;
    this.#storage = components.storage;
    this.#floors = components.floors;
    this.#reclaimable = components.reclaimable;
    this.#node = node;
  }

  /** The next slice of some tokens' keys; refused where too many of them are damaged. */
  list({ key, tokens: bytes }: ListRequest): ReplicaReply {
    const tokens = TokenSet.fromBytes(bytes);
    const { partitioner } = this.#ring;
    const start = partitioner.isOrdered ? firstWanted(key, tokens) : key;
    if (start === undefined) return { outcome: 'listed', keys: [], damaged: [], next: undefined };
    const slice = this.#storage.range({ start, limit: listedMax, bytesMax: listedBytesMax });
    const last = slice.at(-1)?.key;
    // A key that cannot be told must not look absent to whoever copies.
    const damaged = this.#storage.damagedKeys().filter((other) => {
      const isInSlice = compareBytes(other, start) >= 0 && !(last && compareBytes(other, last) > 0);
      return isInSlice && tokens.has(partitioner.tokenOf(other));
    });
    if (damaged.length > listedMax) return refused('damaged');
    return {
      outcome: 'listed',
      keys: slice
        .filter(({ key: other, record }) => {
          const token = partitioner.tokenOf(other);
          return tokens.has(token) && !this.#reclaimable.isGone(token, record);
        })
        .map((keyed) => ({ key: keyed.key, version: keyed.record.version })),
      damaged,
      next: last && Uint8Array.of(...last, 0),
    };
  }

  /** What no version here is newer than; refused where that is unknown, or too far ahead to follow. */
  newestClock(): ReplicaReply {
    const clockMs = this.#clock.realtimeMs();
    const clock = this.#storage.newestClock();
    if (clock === undefined || clock > clockAtMs(clockMs + namedAheadMsMax)) {
      return refused('not-now');
    }
    return { outcome: 'ok', version: floorVersion(clock), record: undefined, clockMs };
  }

  /**
   * What is held of a key.
   *
   * @throws QuorateError RECORD_DAMAGED.
   */
  read(token: Token, { operation, key }: ReadRequest): ReadReply {
    const clockMs = this.#clock.realtimeMs();
    const floor = floorVersion(this.#floors.floorOf(token));
    if (operation === 'read-value') {
      const record = this.#visible(token, this.#storage.get(key));
      return { outcome: 'ok', version: record?.version ?? floor, record, clockMs };
    }
    if (operation === 'query-version') {
      const version = newerVersion(this.#storage.newestVersionOf(key), floor);
      return { outcome: 'ok', version, record: undefined, clockMs };
    }
    const held = this.#storage.versionOf(key);
    if (compareVersions(held, floor) > 0) {
      return { outcome: 'ok', version: held, record: undefined, clockMs };
    }
    const record = held && this.#visible(token, this.#storage.get(key));
    return { outcome: 'ok', version: record?.version ?? floor, record: undefined, clockMs };
  }

  /**
   * Where the own versions are other than those that another replica answered. What cannot be told
   * (not this node's token, damaged), and a newer version that is on its way to the disk, is left out.
   */
  compare({ compared }: CompareRequest): ReplicaReply {
    const differences: VersionDifference[] = [];
    for (const [index, { key, version }] of compared.entries()) {
      const token = this.#ring.partitioner.tokenOf(key);
      if (!this.#ring.holds(this.#node, token)) continue;
      try {
        // Mostly the same: remembered versions tell that without a look at the disk.
        const newest = this.#storage.newestVersionOf(key);
        if (version !== undefined && compareVersions(newest, version) === 0) continue;
        const held = this.read(token, { operation: 'read-version', key }).version;
        const order = compareVersions(held, version);
        if (order > 0 || (order < 0 && compareVersions(newest, version) < 0)) {
          differences.push({ index, version: held });
        }
      } catch (error: unknown) {
        if (!isDamage(error)) throw error;
      }
    }
    return { outcome: 'compared', differences };
  }

  #visible(token: Token, record: VersionedValue | undefined): VersionedValue | undefined {
    const isGone = record !== undefined && this.#reclaimable.isGone(token, record);
    return isGone ? undefined : record;
  }
}

/** Whether a record could not be read because its bytes are not those that were written. */
export function isDamage(error: unknown): boolean {
  return error instanceof QuorateError && error.code === 'RECORD_DAMAGED';
}

/** The first key at or after one whose token is wanted, where tokens follow the order of keys. */
function firstWanted(key: Uint8Array, tokens: TokenSet): Uint8Array | undefined {
  const first = key[0] ?? 0;
  if (tokens.has(first)) return key;
  for (let token = first + 1; token < tokenCount; token++) {
    if (tokens.has(token)) return Uint8Array.of(token);
  }
  return undefined;
}
