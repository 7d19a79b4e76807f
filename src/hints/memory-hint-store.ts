import { bytesToMapKey } from '../base/bytes.ts';
import { compareVersions, type Version } from '../record/version.ts';
import { recordBytes, type VersionedValue } from '../record/versioned-value.ts';
import type { Partitioner, Token } from '../ring/partitioner.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Hint, HintLimits, HintStore, HintSummary } from './hint-store.ts';

/** Hints in memory: a restart of their holder loses them. */
export class MemoryHintStore implements HintStore {
  readonly #clock: Clock;
  readonly #partitioner: Partitioner;
  readonly #limits: HintLimits;
  readonly #targets = new Map<string, TargetHints>();

  constructor(
    components: { readonly clock: Clock; readonly partitioner: Partitioner },
    limits: HintLimits,
  ) {
    this.#clock = components.clock;
    this.#partitioner = components.partitioner;
    this.#limits = limits;
  }

  keep(target: string, key: Uint8Array, record: VersionedValue): void {
    const kept = this.#of(target);
    const mapKey = bytesToMapKey(key);
    const current = kept.hints.get(mapKey);
    if (current !== undefined) {
      if (compareVersions(current.record.version, record.version) >= 0) return;
      kept.bytes -= recordBytes(key, current.record);
    }
    const bytes = recordBytes(key, record);
    const isFull = current === undefined && kept.hints.size >= this.#limits.hintsPerTargetMax;
    if (isFull || kept.bytes + bytes > this.#limits.hintBytesPerTargetMax) {
      kept.hints.delete(mapKey);
      this.#drop(kept, key);
      return;
    }
    kept.bytes += bytes;
    const keptAtMs = current?.keptAtMs ?? this.#clock.monotonicMs();
    kept.hints.set(mapKey, { key: new Uint8Array(key), record, keptAtMs });
  }

  page(target: string, limit: number): readonly Hint[] {
    const page: Hint[] = [];
    for (const hint of this.#of(target).hints.values()) {
      if (page.length >= limit) break;
      page.push(hint);
    }
    return page;
  }

  remove(target: string, key: Uint8Array, version: Version): void {
    const kept = this.#of(target);
    const mapKey = bytesToMapKey(key);
    const current = kept.hints.get(mapKey);
    if (current === undefined || compareVersions(current.record.version, version) !== 0) return;
    kept.hints.delete(mapKey);
    kept.bytes -= recordBytes(key, current.record);
  }

  abandon(target: string, key: Uint8Array, version: Version): void {
    this.remove(target, key, version);
    this.#drop(this.#of(target), key);
  }

  expire(): void {
    const bornAfterMs = this.#clock.monotonicMs() - this.#limits.hintAgeMsMax;
    for (const [target, kept] of this.#targets) {
      for (const hint of kept.hints.values()) {
        // Hints keep the place of the first version they held, so the rest is younger.
        if (hint.keptAtMs > bornAfterMs) break;
        this.abandon(target, hint.key, hint.record.version);
      }
    }
  }

  summary(target: string): HintSummary {
    const kept = this.#of(target);
    const [oldest] = kept.hints.values();
    return {
      count: kept.hints.size,
      bytes: kept.bytes,
      oldestAgeMs: oldest && this.#clock.monotonicMs() - oldest.keptAtMs,
      dirtyTokens: [...kept.dirtyTokens].sort((left, right) => left - right),
      dropped: kept.dropped,
    };
  }

  #drop(kept: TargetHints, key: Uint8Array): void {
    kept.dropped++;
    kept.dirtyTokens.add(this.#partitioner.tokenOf(key));
  }

  #of(target: string): TargetHints {
    const known = this.#targets.get(target);
    if (known !== undefined) return known;
    const fresh = { hints: new Map(), bytes: 0, dirtyTokens: new Set<Token>(), dropped: 0 };
    this.#targets.set(target, fresh);
    return fresh;
  }
}

interface TargetHints {
  readonly hints: Map<string, Hint & { readonly keptAtMs: number }>;
  readonly dirtyTokens: Set<Token>;
  bytes: number;
  dropped: number;
}
