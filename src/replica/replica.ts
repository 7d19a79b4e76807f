import type { HybridClock } from '../record/hybrid-clock.ts';
import { isTooFarAhead } from '../record/hybrid-clock.ts';
import {
  type ReclaimRequest,
  type ReplicaReply,
  type ReplicaRequest,
  type ReplicaStanding,
  refused,
} from '../record/replica-messages.ts';
import { compareVersions, isFloorVersion, laterClock, type Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Reclaimable } from '../storage/reclaimable.ts';
import type { KeyedRecord, Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { TokenFloors } from '../storage/token-floors.ts';
import { isDamage, type ReadRequest, ReplicaReads } from './replica-reads.ts';

/**
 * One node's copy: answers what it holds and applies what it is sent. It knows nothing of quorums.
 *
 * All stores that arrive together are applied with one flush. A store is acknowledged also when
 * the replica already holds something newer: then that write is simply older.
 *
 * Below the floor of a token it answers for absent keys with the floor, and below its seal it takes
 * nothing that it does not hold; see TokenFloors.
 */
export interface ReplicaComponents {
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly storage: Storage;
  readonly copies: CopyRounds;
  readonly floors: TokenFloors;
  readonly reclaim: ReclaimRounds;
  readonly reclaimable: Reclaimable;
  /** Whether what is below the floors of the others can be told: not at the begin of a rebuild. */
  readonly knowsFloors: () => boolean;
}

/** The node's part in the rounds that raise floors; see ReclaimMember. */
export interface ReclaimRounds {
  answer(request: ReclaimRequest): Promise<ReplicaReply>;
  /** Below which clock stores of a token must be noted; 0 if none is watched. */
  watchedBelow(token: Token): bigint;
  noteStored(token: Token, clock: bigint): void;
  /** Raises the floor of a token to one that another replica has; fails where none was agreed on. */
  raiseTo(token: Token, clock: bigint): Promise<boolean>;
}

/** Copies tokens from their other replicas when asked to. */
export interface CopyRounds {
  /** @returns whether a copy that began after the first wish of this round has ended well. */
  want(round: bigint, tokens: TokenSet): boolean;
}

type StoreRequest = Extract<ReplicaRequest, { readonly record: VersionedValue }>;

export interface ReplicaOptions {
  /** The node whose copy this is. */
  readonly node: string;
}

export class Replica {
  readonly #clock: Clock;
  readonly #hybridClock: HybridClock;
  readonly #logger: Logger;
  readonly #ring: Ring;
  readonly #storage: Storage;
  readonly #copies: CopyRounds;
  readonly #floors: TokenFloors;
  readonly #reclaim: ReclaimRounds;
  readonly #reads: ReplicaReads;
  readonly #knowsFloors: () => boolean;
  readonly #node: string;
  #standing: ReplicaStanding = { servesReads: true, takesWrites: true };

  constructor(components: ReplicaComponents, options: ReplicaOptions) {
    this.#clock = components.clock;
    this.#hybridClock = components.hybridClock;
    this.#logger = components.logger;
    this.#ring = components.ring;
    this.#storage = components.storage;
    this.#copies = components.copies;
    this.#floors = components.floors;
    this.#reclaim = components.reclaim;
    this.#reads = new ReplicaReads(components, options.node);
    this.#knowsFloors = components.knowsFloors;
    this.#node = options.node;
  }

  get standing(): ReplicaStanding {
    return this.#standing;
  }

  /** Begins or ceases to do something for others: whoever owns the reason says so. */
  setStanding(change: Partial<ReplicaStanding>): void {
    this.#standing = { ...this.#standing, ...change };
  }

  /**
   * Answers requests that arrived together. `respond` is called once for each, with its index;
   * reads are answered before this returns, stores after they are durable.
   */
  handle(
    requests: readonly ReplicaRequest[],
    respond: (index: number, reply: ReplicaReply) => void,
  ): void {
    const stores: KeyedRecord[] = [];
    const indexes: number[] = [];
    let next = 0;
    for (const request of requests) {
      const index = next++;
      if (isReclaim(request)) {
        void this.#reclaim.answer(request).then((reply) => respond(index, reply));
      } else if ('record' in request && isFloorVersion(request.record.version)) {
        void this.#takeFloor(request).then((reply) => respond(index, reply));
      } else {
        const reply = this.#reply(request);
        if (reply !== undefined) respond(index, reply);
        else if ('record' in request) {
          stores.push(request);
          indexes.push(index);
        }
      }
    }
    if (stores.length > 0) this.#apply(stores, (at, reply) => respond(indexes[at] ?? 0, reply));
  }

  /**
   * Stores what this node has copied itself.
   *
   * @param isTrusted whether the source knows what is below the own floor, so that a record there
   * is one that this node has lost.
   * @returns whether it is held now, or is to be held by nobody.
   */
  keepCopy(key: Uint8Array, record: VersionedValue, isTrusted: boolean): Promise<boolean> {
    const token = this.#ring.partitioner.tokenOf(key);
    if (!this.#admits(token, key, record.version, isTrusted)) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#apply([{ key, record }], (_index, { outcome }) => resolve(outcome === 'ok'));
    });
  }

  /** What can be answered at once; `undefined` for a store that is to be applied. */
  #reply(request: Exclude<ReplicaRequest, ReclaimRequest>): ReplicaReply | undefined {
    if (request.operation === 'copy') {
      const isDone = this.#copies.want(request.round, TokenSet.fromBytes(request.tokens));
      return { outcome: 'copying', isDone };
    }
    if (request.operation === 'list' || request.operation === 'compare') {
      if (!this.#standing.servesReads) return refused('rebuilding');
      return request.operation === 'list'
        ? this.#reads.list(request)
        : this.#reads.compare(request);
    }
    if (request.operation === 'query-clock') {
      return this.#standing.servesReads ? this.#reads.newestClock() : refused('rebuilding');
    }
    const token = this.#ring.partitioner.tokenOf(request.key);
    if (!this.#ring.holds(this.#node, token)) return refused('not-a-replica');
    return 'record' in request ? this.#refusal(token, request) : this.#answer(token, request);
  }

  /** Why a store is not applied; `undefined` if it is to be. */
  #refusal(token: Token, { operation, key, record }: StoreRequest): ReplicaReply | undefined {
    if (!this.#standing.takesWrites) return refused('read-only');
    const { version } = record;
    const isNew = operation === 'store';
    if (isNew && isTooFarAhead(version.clock, this.#clock.realtimeMs())) {
      return refused('clock-ahead');
    }
    // Until the floors are known an old hint could bring back what the others have purged.
    const isBlind = !(isNew || this.#standing.servesReads || this.#knowsFloors());
    if (isBlind) return refused('rebuilding');
    return this.#admits(token, key, version, false) ? undefined : refused('below-floor');
  }

  /** Whether a version may be stored, as far as floors are concerned. */
  #admits(token: Token, key: Uint8Array, version: Version, isTrusted: boolean): boolean {
    const seal = this.#floors.sealOf(token);
    if (version.clock >= laterClock(seal, this.#reclaim.watchedBelow(token))) return true;
    // What is held already changes nothing.
    if (compareVersions(this.#heldVersion(key), version) >= 0) return true;
    if (version.clock < seal && !isTrusted) return false;
    this.#reclaim.noteStored(token, version.clock);
    return true;
  }

  #heldVersion(key: Uint8Array): Version | undefined {
    try {
      return this.#storage.versionOf(key);
    } catch (error: unknown) {
      if (!isDamage(error)) throw error;
      return undefined;
    }
  }

  /** Another replica has answered with its floor, and a read brings it here. */
  async #takeFloor(request: StoreRequest): Promise<ReplicaReply> {
    const { key, record } = request;
    const token = this.#ring.partitioner.tokenOf(key);
    if (!this.#ring.holds(this.#node, token)) return refused('not-a-replica');
    try {
      const isRaised = await this.#reclaim.raiseTo(token, record.version.clock);
      if (!isRaised) return refused('rebuilding');
      const answer = this.#reads.read(token, { operation: 'read-value', key });
      const held = answer.record;
      if (held === undefined || compareVersions(held.version, record.version) > 0) {
        return { ...answer, record: undefined };
      }
      const { expireTimeMs } = held.value ?? {};
      if (expireTimeMs === undefined || expireTimeMs > this.#clock.realtimeMs()) {
        this.#logger.error('another replica has lost a record that is held here', { token });
        return refused('damaged');
      }
    } catch (error: unknown) {
      return isDamage(error) ? refused('damaged') : { outcome: 'unknown', reason: 'failed' };
    }
    return new Promise((resolve) => {
      this.#apply([{ key, record }], (_index, reply) => resolve(reply));
    });
  }

  #answer(token: Token, request: ReadRequest): ReplicaReply {
    if (!this.#standing.servesReads) return refused('rebuilding');
    try {
      return this.#reads.read(token, request);
    } catch (error: unknown) {
      if (!isDamage(error)) throw error;
      return refused('damaged');
    }
  }

  /** Stores, and tells of each by its place among the stores. */
  #apply(
    stores: readonly KeyedRecord[],
    respond: (index: number, reply: ReplicaReply) => void,
  ): void {
    const realtimeMs = this.#clock.realtimeMs();
    for (const { record } of stores) {
      this.#hybridClock.observe(record.version.clock, realtimeMs);
    }
    this.#storage.applyBatch(stores).then(
      (versions) => {
        const clockMs = this.#clock.realtimeMs();
        for (let index = 0; index < versions.length; index++) {
          respond(index, { outcome: 'ok', version: versions[index], record: undefined, clockMs });
        }
      },
      (error: unknown) => {
        this.#logger.error('storing failed', { records: stores.length, reason: String(error) });
        const reply: ReplicaReply = isFull(error)
          ? refused('read-only')
          : { outcome: 'unknown', reason: 'failed' };
        for (let index = 0; index < stores.length; index++) respond(index, reply);
      },
    );
  }
}

/** Whether nothing of a batch was stored because the disk is full. */
function isFull(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'NO_SPACE';
}

function isReclaim(request: ReplicaRequest): request is ReclaimRequest {
  return request.operation === 'read-floors' || request.operation.endsWith('-reclaim');
}
