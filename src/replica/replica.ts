import { QuorateError } from '../base/quorate-error.ts';
import type { HybridClock } from '../record/hybrid-clock.ts';
import { isTooFarAhead } from '../record/hybrid-clock.ts';
import type {
  RefusalReason,
  ReplicaReply,
  ReplicaRequest,
  ReplicaStanding,
} from '../record/replica-messages.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import { tokenCount } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KeyedRecord, Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage-error.ts';

/**
 * One node's copy: answers what it holds and applies what it is sent. It knows nothing of quorums.
 *
 * All stores that arrive together are applied with one flush. A store is acknowledged also when
 * the replica already holds something newer: then that write is simply older.
 */
export interface ReplicaComponents {
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly storage: Storage;
  readonly copies: CopyRounds;
}

/** Copies tokens from their other replicas when asked to. */
export interface CopyRounds {
  /** @returns whether a copy that began after the first wish of this round has ended well. */
  want(round: bigint, tokens: TokenSet): boolean;
}

/** How many records a list looks through at once, and how large they may be together. */
const listedMax = 512;
const listedBytesMax = 1024 * 1024;

type ListRequest = Extract<ReplicaRequest, { readonly operation: 'list' }>;
type CopyRequest = Extract<ReplicaRequest, { readonly operation: 'copy' }>;
type StoreRequest = Extract<ReplicaRequest, { readonly record: VersionedValue }>;
type ReadRequest = Exclude<ReplicaRequest, ListRequest | CopyRequest | StoreRequest>;

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
  readonly #node: string;
  #standing: ReplicaStanding = { servesReads: true, takesWrites: true };

  constructor(components: ReplicaComponents, options: ReplicaOptions) {
    this.#clock = components.clock;
    this.#hybridClock = components.hybridClock;
    this.#logger = components.logger;
    this.#ring = components.ring;
    this.#storage = components.storage;
    this.#copies = components.copies;
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
    const stores: { readonly index: number; readonly keyed: KeyedRecord }[] = [];
    for (const [index, request] of requests.entries()) {
      if (request.operation === 'copy') {
        const isDone = this.#copies.want(request.round, TokenSet.fromBytes(request.tokens));
        respond(index, { outcome: 'copying', isDone });
        continue;
      }
      const reply = request.operation === 'list' ? this.#list(request) : this.#answer(request);
      if (reply !== undefined) respond(index, reply);
      else if ('record' in request) {
        stores.push({ index, keyed: { key: request.key, record: request.record } });
      }
    }
    if (stores.length > 0) this.#apply(stores, respond);
  }

  /** What can be answered at once; `undefined` for a store that is to be applied. */
  #answer(request: ReadRequest | StoreRequest): ReplicaReply | undefined {
    if (!this.#ring.holds(this.#node, this.#ring.partitioner.tokenOf(request.key))) {
      return refused('not-a-replica');
    }
    if ('record' in request) {
      if (!this.#standing.takesWrites) return refused('read-only');
      const { clock } = request.record.version;
      const isNew = request.operation === 'store';
      return isNew && isTooFarAhead(clock, this.#clock.realtimeMs())
        ? refused('clock-ahead')
        : undefined;
    }
    if (!this.#standing.servesReads) return refused('rebuilding');
    try {
      return this.#read(request);
    } catch (error: unknown) {
      if (!isDamage(error)) throw error;
      return refused('damaged');
    }
  }

  #list({ key, tokens: bytes }: ListRequest): ReplicaReply {
    if (!this.#standing.servesReads) return refused('rebuilding');
    const tokens = TokenSet.fromBytes(bytes);
    const { partitioner } = this.#ring;
    const start = partitioner.isOrdered ? firstWanted(key, tokens) : key;
    if (start === undefined) return { outcome: 'listed', keys: [], next: undefined };
    const slice = this.#storage.range({ start, limit: listedMax, bytesMax: listedBytesMax });
    // A key that cannot be told must not look absent to whoever copies.
    const isWanted = (other: Uint8Array) => tokens.has(partitioner.tokenOf(other));
    if (this.#storage.damagedKeys().some(isWanted)) return refused('damaged');
    const last = slice.at(-1)?.key;
    return {
      outcome: 'listed',
      keys: slice
        .filter((keyed) => isWanted(keyed.key))
        .map((keyed) => ({ key: keyed.key, version: keyed.record.version })),
      next: last && Uint8Array.of(...last, 0),
    };
  }

  #read(request: ReadRequest): ReplicaReply {
    const clockMs = this.#clock.realtimeMs();
    if (request.operation === 'read-value') {
      const record = this.#storage.get(request.key);
      return { outcome: 'ok', version: record?.version, record, clockMs };
    }
    const version = this.#storage.versionOf(request.key);
    return { outcome: 'ok', version, record: undefined, clockMs };
  }

  #apply(
    stores: readonly { readonly index: number; readonly keyed: KeyedRecord }[],
    respond: (index: number, reply: ReplicaReply) => void,
  ): void {
    const realtimeMs = this.#clock.realtimeMs();
    for (const { keyed } of stores) {
      this.#hybridClock.observe(keyed.record.version.clock, realtimeMs);
    }
    this.#storage.applyBatch(stores.map(({ keyed }) => keyed)).then(
      (versions) => {
        const clockMs = this.#clock.realtimeMs();
        for (const [at, { index }] of stores.entries()) {
          respond(index, { outcome: 'ok', version: versions[at], record: undefined, clockMs });
        }
      },
      (error: unknown) => {
        this.#logger.error('storing failed', { records: stores.length, reason: String(error) });
        const reply: ReplicaReply = isFull(error)
          ? refused('read-only')
          : { outcome: 'unknown', reason: 'failed' };
        for (const { index } of stores) respond(index, reply);
      },
    );
  }
}

function refused(reason: RefusalReason): ReplicaReply {
  return { outcome: 'refused', reason };
}

function isDamage(error: unknown): boolean {
  return error instanceof QuorateError && error.code === 'RECORD_DAMAGED';
}

/** Whether nothing of a batch was stored because the disk is full. */
function isFull(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'NO_SPACE';
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
