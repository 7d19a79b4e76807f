import type { Version } from '../record/version.ts';

/** What is known of a key without a look at the disk. */
export interface KnownKey<Flight> {
  /** The version of its record that is durable; `undefined` if only the disk knows. */
  durable: Version | undefined;
  /** The newest change of it that is not durable yet. */
  flight: Flight | undefined;
}

/**
 * The keys that were used last, so that a store, or a comparison behind a read, need not read and
 * check the whole record. Who has looked one up keeps what it was given and looks it up no more.
 *
 * Two generations of a bounded size take the place of a list in the order of use: what is used
 * moves to the young one, and when that is full it becomes the old one, whose rest is forgotten.
 * A key with a change in flight is never forgotten.
 */
export class KnownKeys<Flight> {
  readonly #generationMax: number;
  #young = new Map<string, KnownKey<Flight>>();
  #old = new Map<string, KnownKey<Flight>>();

  /** @param generationMax how many keys one generation holds, besides those in flight. */
  constructor(generationMax: number) {
    this.#generationMax = generationMax;
  }

  /** What is known of a key, if it is known. */
  find(mapKey: string): KnownKey<Flight> | undefined {
    const young = this.#young.get(mapKey);
    if (young !== undefined) return young;
    const old = this.#old.get(mapKey);
    if (old !== undefined) this.#add(mapKey, old);
    return old;
  }

  /** What is known of a key, which is known from now on. */
  of(mapKey: string): KnownKey<Flight> {
    return this.find(mapKey) ?? this.#add(mapKey, { durable: undefined, flight: undefined });
  }

  #add(mapKey: string, known: KnownKey<Flight>): KnownKey<Flight> {
    if (this.#young.size >= this.#generationMax) this.#turn();
    this.#young.set(mapKey, known);
    return known;
  }

  #turn(): void {
    const forgotten = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    for (const [mapKey, known] of forgotten) {
      if (known.flight !== undefined) this.#young.set(mapKey, known);
    }
  }
}
