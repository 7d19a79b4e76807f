/**
 * What a store must hold after what its writers were told. Each key has one writer, and each put a
 * text of its own, so the expected value is known: the newest acknowledged write, or a newer one
 * whose outcome is uncertain. That one may take effect at any time from then on, or never.
 *
 * Versions are text; a newer one compares greater.
 */
export interface Written {
  readonly key: string;
  /** `undefined` for a delete. */
  readonly text: string | undefined;
}

/** What a read found; the version is empty if the key was never written. */
export interface Found {
  readonly version: string;
  readonly text: string | undefined;
}

export class WriteLedger {
  readonly #floors = new Map<string, Found>();
  readonly #uncertain = new Map<string, Set<string | undefined>>();
  acknowledged = 0;
  uncertain = 0;
  refused = 0;

  /** The write was acknowledged. @returns what is wrong with that, if anything. */
  acknowledge({ key, text }: Written, version: string): string | undefined {
    this.acknowledged += 1;
    const floor = this.floorOf(key);
    this.#floors.set(key, { version, text });
    if (version > floor.version) return undefined;
    return `${key}: a write got ${version} after ${floor.version}`;
  }

  /** The write may have happened, now or later. */
  doubt({ key, text }: Written): void {
    this.uncertain += 1;
    const others = this.#uncertain.get(key) ?? new Set();
    this.#uncertain.set(key, others.add(text));
  }

  /** The write has certainly not happened. */
  refuse(): void {
    this.refused += 1;
  }

  /** The least that a read may find which begins now. */
  floorOf(key: string): Found {
    return this.#floors.get(key) ?? { version: '', text: undefined };
  }

  /**
   * Judges a read of a key that nobody writes meanwhile; later reads may not fall behind it.
   *
   * @returns what is wrong with it, if anything.
   */
  judge(key: string, found: Found): string | undefined {
    const floor = this.floorOf(key);
    const isNewer = found.version > floor.version;
    const isPossible = this.#uncertain.get(key)?.has(found.text) === true;
    const isSame = found.version === floor.version && found.text === floor.text;
    if (isSame) return undefined;
    if (!isNewer || !isPossible) return `${key}: ${describe(found)}, not ${describe(floor)}`;
    this.#floors.set(key, found);
    return undefined;
  }
}

function describe({ version, text }: Found): string {
  return `${text === undefined ? 'nothing' : `"${text}"`} of version "${version}"`;
}
