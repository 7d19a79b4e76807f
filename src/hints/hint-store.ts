import { bytesToMapKey, mapKeyToBytes } from '../base/bytes.ts';
import type { HintSink } from '../coordinator/ports.ts';
import { compareVersions, type Version } from '../record/version.ts';
import { recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Change, Tables } from '../storage/tables.ts';
import type { DirtyTokens } from './dirty-tokens.ts';
import { decodeRow, encodeRow, encodeRowKey } from './hint-format.ts';
import { type FoundHint, readRows } from './hint-rows.ts';

/**
 * Writes that replicas missed, by target, until the target has acknowledged them. A hint is the
 * original record with its original version: replaying it is idempotent and needs no order. Only
 * the newest version of each (target, key) is kept.
 *
 * Records are in the table `hints`; memory holds an index of them: by key the version and the
 * number of the row, in the order in which they were kept. So counting, finding the oldest and the
 * next to deliver cost nothing that grows with the hints.
 *
 * Nothing is lost without a trace: a hint that is not kept, for a limit, its age, its damage or a
 * disk that does not take it, marks its token DIRTY for that target; a row goes only after that
 * mark is durable. Between `keep` and the flush the mark that an unclean stop leaves covers it.
 */
export interface HintStoreComponents {
  readonly clock: Clock;
  readonly dirty: DirtyTokens;
  readonly logger: Logger;
  readonly ring: Ring;
  /** Memory or a disk: hints last as long as they do. */
  readonly tables: Tables;
}

export interface HintStoreOptions {
  /** The node that keeps them. */
  readonly node: string;
  readonly limits: HintLimits;
}

/** Limits for each target. */
export interface HintLimits {
  readonly hintsPerTargetMax: number;
  readonly hintBytesPerTargetMax: number;
  readonly hintAgeMsMax: number;
}

export const defaultHintLimits: HintLimits = {
  hintsPerTargetMax: 100_000,
  hintBytesPerTargetMax: 256 * 1024 * 1024,
  hintAgeMsMax: 3 * 60 * 60 * 1_000,
};

export interface Hint {
  readonly key: Uint8Array;
  readonly record: VersionedValue;
}

export interface HintSummary {
  readonly count: number;
  readonly bytes: number;
  /** How long the oldest hint has waited; `undefined` if none waits. */
  readonly oldestAgeMs: number | undefined;
  /** How many hints were given up since the node started. */
  readonly dropped: number;
}

/** How many rows are removed with one write. */
const removedAtOnce = 1_000;
/** How many hints for one target are looked through at once. */
const lookedThroughMax = 10_000;

export class HintStore implements HintSink {
  readonly #components: HintStoreComponents;
  readonly #options: HintStoreOptions;
  readonly #targets = new Map<string, TargetHints>();
  readonly #underWay = new Set<Promise<void>>();
  #nextSequence = 1;

  /** Finds again what the table holds, and turns into DIRTY what cannot be read or delivered. */
  constructor(components: HintStoreComponents, options: HintStoreOptions) {
    this.#components = components;
    this.#options = options;
    this.#load();
  }

  /** Keeps a write for a target, or marks its token DIRTY if that cannot be. Never throws. */
  keep(target: string, key: Uint8Array, record: VersionedValue): void {
    const { hintsPerTargetMax, hintBytesPerTargetMax } = this.#options.limits;
    const kept = this.#of(target);
    const mapKey = bytesToMapKey(key);
    const current = kept.hints.get(mapKey);
    if (compareVersions(current?.version, record.version) >= 0) return;
    const bytes = recordBytes(key, record);
    const addedBytes = bytes - (current?.bytes ?? 0);
    const isFull = current === undefined && kept.hints.size >= hintsPerTargetMax;
    if (isFull || kept.bytes + addedBytes > hintBytesPerTargetMax) {
      this.#giveUp(target, [mapKey]);
      return;
    }
    kept.bytes += addedBytes;
    const hint: KeptHint = {
      sequence: current?.sequence ?? this.#nextSequence++,
      keptAtMs: current?.keptAtMs ?? this.#components.clock.realtimeMs(),
      version: record.version,
      bytes,
      unflushed: record,
    };
    kept.hints.set(mapKey, hint);
    this.#own(this.#flush(target, mapKey, hint, record));
  }

  /**
   * The hints for a target, the longest kept first. It may be asked for the next while hints come
   * and go: what comes is found at its end.
   */
  *waitingFor(target: string): IterableIterator<Hint> {
    const { hints } = this.#of(target);
    for (const [mapKey, hint] of hints) {
      const key = mapKeyToBytes(mapKey);
      const record = hint.unflushed ?? this.#read(target, hint);
      if (record !== undefined) yield { key, record };
      else {
        this.#components.logger.error('a damaged hint is given up', { target });
        this.#giveUp(target, [mapKey]);
      }
    }
  }

  /** Forgets a delivered hint, unless a newer version has taken its place. */
  remove(target: string, key: Uint8Array, version: Version): void {
    const hint = this.#take(target, bytesToMapKey(key), version);
    // A row that stays because the disk is full is delivered once more after a restart.
    if (hint !== undefined) this.#own(this.#removeRows(target, [hint.sequence]));
  }

  /** Gives a hint up that can never be delivered, unless a newer version has taken its place. */
  abandon(target: string, key: Uint8Array, version: Version): void {
    const mapKey = bytesToMapKey(key);
    const isKept = compareVersions(this.#of(target).hints.get(mapKey)?.version, version) === 0;
    if (isKept) this.#giveUp(target, [mapKey]);
  }

  /** Gives up all hints for a target, and says how many those were. */
  drop(target: string): number {
    const dropped = [...this.#of(target).hints.keys()];
    this.#giveUp(target, dropped);
    return dropped.length;
  }

  /** Gives up the hints that are older than the limit. */
  expire(): void {
    for (const [target, { hints }] of this.#targets) {
      const expired: string[] = [];
      for (const [mapKey, hint] of hints) {
        // Hints keep the place and time of the first version they held, so the rest is younger.
        if (this.#ageMs(hint) < this.#options.limits.hintAgeMsMax) break;
        expired.push(mapKey);
      }
      this.#giveUp(target, expired);
    }
  }

  /** How many hints wait for a target. */
  count(target: string): number {
    return this.#targets.get(target)?.hints.size ?? 0;
  }

  /** Whether a hint is kept for some tokens that is older than a clock; also if there are too many. */
  mayHoldBelow(tokens: TokenSet, clock: bigint): boolean {
    const { partitioner } = this.#components.ring;
    return [...this.#targets.values()].some(({ hints }) => {
      if (hints.size > lookedThroughMax) return true;
      for (const [mapKey, { version }] of hints) {
        if (version.clock >= clock) continue;
        if (tokens.has(partitioner.tokenOf(mapKeyToBytes(mapKey)))) return true;
      }
      return false;
    });
  }

  /** What is kept for a target, without the hints themselves. */
  summary(target: string): HintSummary {
    const { hints, bytes, dropped } = this.#of(target);
    const [oldest] = hints.values();
    return { count: hints.size, bytes, oldestAgeMs: oldest && this.#ageMs(oldest), dropped };
  }

  /** Settles when all that was kept, removed and given up until now is durable or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #ageMs(hint: KeptHint): number {
    return Math.max(0, this.#components.clock.realtimeMs() - hint.keptAtMs);
  }

  async #flush(
    target: string,
    mapKey: string,
    hint: KeptHint,
    record: VersionedValue,
  ): Promise<void> {
    const rowKey = encodeRowKey(target, hint.sequence);
    const value = encodeRow(rowKey, mapKeyToBytes(mapKey), hint.keptAtMs, record);
    try {
      await this.#components.tables.write([{ table: 'hints', key: rowKey, value }]);
      hint.unflushed = undefined;
    } catch {
      // If a newer version has taken its place, that one is kept or marks the token.
      if (this.#of(target).hints.get(mapKey) === hint) this.#giveUp(target, [mapKey]);
    }
  }

  /** The record of a hint, as its row has it; `undefined` if that is damaged. */
  #read(target: string, { sequence, version }: KeptHint): VersionedValue | undefined {
    const rowKey = encodeRowKey(target, sequence);
    const value = this.#components.tables.get('hints', rowKey);
    const record = value && decodeRow(rowKey, value)?.record;
    return compareVersions(record?.version, version) === 0 ? record : undefined;
  }

  #take(target: string, mapKey: string, version?: Version): KeptHint | undefined {
    const kept = this.#of(target);
    const hint = kept.hints.get(mapKey);
    if (hint === undefined) return undefined;
    if (version !== undefined && compareVersions(hint.version, version) !== 0) return undefined;
    kept.hints.delete(mapKey);
    kept.bytes -= hint.bytes;
    return hint;
  }

  /** Marks the tokens of keys DIRTY, then forgets the hints that are kept for them. */
  #giveUp(target: string, mapKeys: readonly string[]): void {
    if (mapKeys.length === 0) return;
    this.#of(target).dropped += mapKeys.length;
    const rows = mapKeys.flatMap((mapKey) => this.#take(target, mapKey)?.sequence ?? []);
    const marked = this.#mark(target, mapKeys);
    this.#own(marked.then(() => this.#removeRows(target, rows)));
  }

  #mark(target: string, mapKeys: readonly string[]): Promise<void> {
    const { dirty, ring } = this.#components;
    const tokenOf = (mapKey: string) => ring.partitioner.tokenOf(mapKeyToBytes(mapKey));
    return dirty.mark(target, TokenSet.of(mapKeys.map(tokenOf)));
  }

  async #removeRows(target: string, sequences: readonly number[]): Promise<void> {
    for (let from = 0; from < sequences.length; from += removedAtOnce) {
      const some = sequences.slice(from, from + removedAtOnce);
      await this.#components.tables.write(some.map((sequence) => removalOf(target, sequence)));
    }
  }

  /** Holds work until it has ended. What fails of it leaves rows, and the process knows why. */
  #own(work: Promise<void>): void {
    const owned = work
      .catch(() => undefined)
      .finally(() => {
        this.#underWay.delete(owned);
      });
    this.#underWay.add(owned);
  }

  #load(): void {
    const { tables, ring, dirty, logger } = this.#components;
    const replaced: Change[] = [];
    const lost = readRows(tables, ring, this.#options.node, (found) => {
      const older = this.#enter(found);
      if (older !== undefined) replaced.push(removalOf(found.target, older));
    });
    const removed = [...lost.rowKeys.map(removalOfRow), ...replaced];
    if (removed.length === 0) return;
    logger.warn('hints that cannot be delivered are given up', { hints: lost.rowKeys.length });
    const marks = [...lost.tokens].map(([target, some]) => dirty.mark(target, TokenSet.of(some)));
    this.#own(Promise.all(marks).then(() => tables.write(removed)));
  }

  /** Takes a row into the index. A removal that a full disk did not take may have left two of a key. */
  #enter({ target, sequence, key, keptAtMs, record }: FoundHint): number | undefined {
    this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
    const kept = this.#of(target);
    const mapKey = bytesToMapKey(key);
    const other = kept.hints.get(mapKey);
    if (compareVersions(other?.version, record.version) >= 0) return sequence;
    const { version } = record;
    const bytes = recordBytes(key, record);
    kept.bytes += bytes - (other?.bytes ?? 0);
    kept.hints.set(mapKey, { sequence, keptAtMs, version, bytes, unflushed: undefined });
    return other?.sequence;
  }

  #of(target: string): TargetHints {
    const known = this.#targets.get(target);
    if (known !== undefined) return known;
    const fresh = { hints: new Map<string, KeptHint>(), bytes: 0, dropped: 0 };
    this.#targets.set(target, fresh);
    return fresh;
  }
}

function removalOf(target: string, sequence: number): Change {
  return removalOfRow(encodeRowKey(target, sequence));
}

function removalOfRow(key: Uint8Array): Change {
  return { table: 'hints', key, value: undefined };
}

interface TargetHints {
  /** By key, in the order in which they were kept. */
  readonly hints: Map<string, KeptHint>;
  bytes: number;
  dropped: number;
}

interface KeptHint {
  /** The number of its row. */
  readonly sequence: number;
  /** By the time of day, since it outlives the process. */
  readonly keptAtMs: number;
  readonly version: Version;
  readonly bytes: number;
  /** The record until it is durable. */
  unflushed: VersionedValue | undefined;
}
