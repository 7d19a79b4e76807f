import { bytesToMapKey } from '../base/bytes.ts';
import { compareVersions, type Version } from '../record/version.ts';

/** For how long a comparison is remembered, at least; twice that at most. */
const rememberedMs = 1_000;
/** How many keys are remembered of one such span. */
const rememberedMax = 8_192;

/**
 * Which versions a replica was compared with lately, so that a key which is read a thousand times a
 * second is not compared as often. A newer version is compared at once.
 *
 * Two generations: the young one becomes the old one after a second, or when it is full.
 */
export class ComparedLately {
  #young = new Map<string, Version>();
  #old = new Map<string, Version>();
  #youngFromMs = 0;

  /** Notes a comparison. @returns whether it is needed: no such one was noted lately. */
  isNew(key: Uint8Array, version: Version, nowMs: number): boolean {
    const ageMs = nowMs - this.#youngFromMs;
    if (ageMs >= rememberedMs || this.#young.size >= rememberedMax) {
      this.#old = ageMs < 2 * rememberedMs ? this.#young : new Map();
      this.#young = new Map();
      this.#youngFromMs = nowMs;
    }
    const mapKey = bytesToMapKey(key);
    if (compareVersions(this.#young.get(mapKey) ?? this.#old.get(mapKey), version) === 0) {
      return false;
    }
    this.#young.set(mapKey, version);
    return true;
  }

  /** Forgets a key whose comparison has shown a difference. */
  forget(key: Uint8Array): void {
    const mapKey = bytesToMapKey(key);
    this.#young.delete(mapKey);
    this.#old.delete(mapKey);
  }
}
