import type { HybridClock } from '../record/hybrid-clock.ts';
import { isTooFarAhead } from '../record/hybrid-clock.ts';
import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KeyedRecord, Storage } from '../storage/storage.ts';

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
}

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
  readonly #node: string;

  constructor(components: ReplicaComponents, options: ReplicaOptions) {
    this.#clock = components.clock;
    this.#hybridClock = components.hybridClock;
    this.#logger = components.logger;
    this.#ring = components.ring;
    this.#storage = components.storage;
    this.#node = options.node;
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
      const refusal = this.#refusal(request);
      if (refusal !== undefined) respond(index, refusal);
      else if (request.operation === 'store' || request.operation === 'spread') {
        stores.push({ index, keyed: { key: request.key, record: request.record } });
      } else respond(index, this.#read(request));
    }
    if (stores.length > 0) this.#apply(stores, respond);
  }

  #refusal(request: ReplicaRequest): ReplicaReply | undefined {
    if (!this.#ring.holds(this.#node, this.#ring.partitioner.tokenOf(request.key))) {
      return { outcome: 'refused', reason: 'not-a-replica' };
    }
    if (request.operation !== 'store') return undefined;
    if (!isTooFarAhead(request.record.version.clock, this.#clock.realtimeMs())) return undefined;
    return { outcome: 'refused', reason: 'clock-ahead' };
  }

  #read(request: ReplicaRequest): ReplicaReply {
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
        for (const { index } of stores) respond(index, { outcome: 'unknown', reason: 'failed' });
      },
    );
  }
}
