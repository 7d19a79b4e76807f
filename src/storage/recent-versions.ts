import type { Version } from '../record/version.ts';

/**
 * The versions of the records that were used last, so that a write, which asks for one twice on
 * each replica, need not read and check the whole record for it.
 *
 * Two generations of a bounded size take the place of a list in the order of use: what is used
 * moves to the young one, and when that is full it becomes the old one, whose rest is forgotten.
 */
export class RecentVersions {
  readonly #generationMax: number;
  #young = new Map<string, Version>();
  #old = new Map<string, Version>();

  /** @param generationMax how many versions one generation holds; there are twice as many at most. */
  constructor(generationMax: number) {
    this.#generationMax = generationMax;
  }

  get(mapKey: string): Version | undefined {
    const young = this.#young.get(mapKey);
    if (young !== undefined) return young;
    const old = this.#old.get(mapKey);
    if (old !== undefined) this.set(mapKey, old);
    return old;
  }

  set(mapKey: string, version: Version): void {
    if (this.#young.size >= this.#generationMax && !this.#young.has(mapKey)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(mapKey, version);
  }

  delete(mapKey: string): void {
    this.#young.delete(mapKey);
    this.#old.delete(mapKey);
  }
}
