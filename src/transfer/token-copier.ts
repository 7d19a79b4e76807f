import { QuorateError } from '../base/quorate-error.ts';
import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { KeyedVersion } from '../record/replica-messages.ts';
import { compareVersions } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Storage } from '../storage/storage.ts';
import type { TokenFloors } from '../storage/token-floors.ts';
import { askReplica } from './ask-replica.ts';
import type { FloorExchange } from './floor-exchange.ts';

/**
 * Copies to this node what it misses of some tokens, from all their other replicas. A source
 * names its keys and versions, slice by slice; only what is newer than the own copy is fetched,
 * and is stored under its own version. So a copy of what is nearly equal costs little, and one that
 * is done twice changes nothing. Below the own seal only such a source brings something that has a
 * floor as high.
 *
 * One copy runs at a time, and rests after each slice for as long as the slice took: requests of
 * clients come first.
 */
export interface TokenCopierComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly storage: Storage;
  readonly replicas: ReplicaDirectory;
  readonly floors: TokenFloors;
  readonly floorsOf: Pick<FloorExchange, 'ask'>;
  readonly own: CopyKeeper;
}

/** The own replica, which stores what was copied. */
interface CopyKeeper {
  keepCopy(key: Uint8Array, record: VersionedValue, isTrusted: boolean): Promise<boolean>;
}

/** How far a copy from one source has come. */
export interface CopyProgress {
  /** The key at which the next slice begins; `undefined` after the last. */
  readonly next: Uint8Array | undefined;
  /** How many keys of this slice were missed, and are held now. */
  readonly copied: number;
  /** Keys of this slice that the source cannot tell of, for its records are damaged. */
  readonly damaged: readonly Uint8Array[];
}

const fetchedAtOnce = 32;
const restMsMax = 50;
const roundsKept = 256;

export class TokenCopier {
  readonly #components: TokenCopierComponents;
  readonly #node: string;
  /** The wishes that wait for a copy that begins after them. */
  #wanted = new Map<bigint, TokenSet>();
  #running: ReadonlyMap<bigint, TokenSet> = new Map();
  readonly #done = new Set<bigint>();
  #rounds: Promise<void> | undefined;
  #isStopped = false;

  /** @param node the node that copies to itself. */
  constructor(components: TokenCopierComponents, node: string) {
    this.#components = components;
    this.#node = node;
  }

  /** Settles when no round is under way; copies from one source end after their slice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#rounds;
  }

  /** See CopyRounds. A round that failed is begun again when it is asked for again. */
  want(round: bigint, tokens: TokenSet): boolean {
    if (this.#done.has(round)) return true;
    if (!this.#running.has(round) && this.#wanted.size < roundsKept) {
      this.#wanted.set(round, tokens);
    }
    if (this.#running.size === 0) this.#rounds = this.#runRounds();
    return false;
  }

  /**
   * Copies what is missed of some tokens from one other replica of them.
   *
   * @param start the key to begin at; empty for the first.
   * @param onProgress told after each slice; the copy goes on when it has settled. Without it a
   * record that is damaged at the source ends the copy.
   * @returns whether all of it was copied; not if the source fails, refuses or is gone.
   */
  async copyFrom(
    source: string,
    tokens: TokenSet,
    start: Uint8Array = new Uint8Array(),
    onProgress?: (progress: CopyProgress) => Promise<void>,
  ): Promise<boolean> {
    const { clock, floors, floorsOf, ring } = this.#components;
    const theirs = await floorsOf.ask(source);
    if (theirs === undefined) return false;
    const isTrusted = (other: Uint8Array) => {
      const token = ring.partitioner.tokenOf(other);
      return theirs.of(token) >= floors.sealOf(token);
    };
    let key = start;
    for (;;) {
      const beganMs = clock.monotonicMs();
      const listed = await askReplica(this.#components, source, {
        operation: 'list',
        key,
        tokens: tokens.toBytes(),
      });
      if (listed.outcome !== 'listed') return false;
      const newer = listed.keys.filter((listedKey) => this.#misses(listedKey));
      if (!(await this.#fetch(source, newer, isTrusted))) return false;
      const { damaged, next } = listed;
      if (damaged.length > 0 && onProgress === undefined) return false;
      await onProgress?.({ next, copied: newer.length, damaged });
      if (listed.next === undefined) return true;
      key = listed.next;
      const tookMs = clock.monotonicMs() - beganMs;
      await new Promise<void>((resolve) => clock.schedule(Math.min(restMsMax, tookMs), resolve));
      if (this.#isStopped) return false;
    }
  }

  /** The other replicas of some tokens that this node holds, each with those that it shares. */
  sourcesOf(tokens: TokenSet): ReadonlyMap<string, TokenSet> {
    const { ring } = this.#components;
    const own = tokens.tokens().filter((token) => ring.holds(this.#node, token));
    const sources = new Map<string, TokenSet>();
    for (const source of ring.nodes) {
      const shared = TokenSet.of(own.filter((token) => ring.holds(source, token)));
      if (source !== this.#node && !shared.isEmpty) sources.set(source, shared);
    }
    return sources;
  }

  async #runRounds(): Promise<void> {
    const { logger } = this.#components;
    while (this.#wanted.size > 0 && !this.#isStopped) {
      this.#running = this.#wanted;
      this.#wanted = new Map();
      const tokens = [...this.#running.values()].reduce((all, some) => all.union(some));
      if (await this.#copyAll(tokens)) {
        for (const round of this.#running.keys()) this.#done.add(round);
        for (const round of [...this.#done].slice(0, -roundsKept)) this.#done.delete(round);
        logger.info('tokens copied from all their other replicas', {
          tokens: tokens.tokens().length,
        });
      }
    }
    this.#running = new Map();
  }

  async #copyAll(tokens: TokenSet): Promise<boolean> {
    for (const [source, shared] of this.sourcesOf(tokens)) {
      if (!(await this.copyFrom(source, shared))) return false;
    }
    return true;
  }

  async #fetch(
    source: string,
    keys: readonly KeyedVersion[],
    isTrusted: (key: Uint8Array) => boolean,
  ): Promise<boolean> {
    for (let from = 0; from < keys.length; from += fetchedAtOnce) {
      const some = keys.slice(from, from + fetchedAtOnce);
      const copied = await Promise.all(
        some.map(({ key }) => this.#copyKey(source, key, isTrusted(key))),
      );
      if (copied.includes(false)) return false;
    }
    return true;
  }

  #misses({ key, version }: KeyedVersion): boolean {
    try {
      return compareVersions(this.#components.storage.versionOf(key), version) < 0;
    } catch (error: unknown) {
      // A store is kept over a damaged record, which is healed elsewhere.
      if (error instanceof QuorateError && error.code === 'RECORD_DAMAGED') return true;
      throw error;
    }
  }

  async #copyKey(source: string, key: Uint8Array, isTrusted: boolean): Promise<boolean> {
    const found = await askReplica(this.#components, source, { operation: 'read-value', key });
    if (found.outcome !== 'ok') return false;
    if (found.record === undefined) return true;
    return this.#components.own.keepCopy(key, found.record, isTrusted);
  }
}
