import { QuorateError } from '../base/quorate-error.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Walks through all records in the background, again and again, so that damage is found also where
 * nobody reads. To look at a record is to check it: `Storage.range` does that, and tells.
 *
 * It goes so fast that a pass takes the time given, however much is stored, but rests at least
 * nine times as long as it works. It begins anywhere: a node that is restarted often would else
 * never see its last keys.
 */
export interface ScrubberComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly storage: Storage;
}

export interface ScrubberOptions {
  /** How long one pass takes. */
  readonly passMs: number;
}

const sliceRecords = 64;
const sliceBytesMax = 256 * 1024;
const firstAfterMs = 60_000;
const restPerWork = 9;

export class Scrubber {
  readonly #components: ScrubberComponents;
  readonly #passMs: number;
  #next: Uint8Array;
  #timer: Timer | undefined;
  #endsReached = 0;
  #lastPassMs: number | undefined;

  constructor(components: ScrubberComponents, options: ScrubberOptions) {
    this.#components = components;
    this.#passMs = options.passMs;
    this.#next = Uint8Array.of(Math.floor(components.random.fraction() * 256));
  }

  start(): void {
    this.#timer = this.#components.clock.schedule(Math.min(firstAfterMs, this.#passMs), () =>
      this.#look(),
    );
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** When the last pass through everything ended, in milliseconds since 1970. */
  get lastPassMs(): number | undefined {
    return this.#lastPassMs;
  }

  /** How many passes through everything have ended. */
  get passes(): number {
    return Math.max(0, this.#endsReached - 1);
  }

  /** Plans the next slice after one of so many records. */
  #plan(records: number, workMs: number): void {
    const { clock, storage } = this.#components;
    const share = Math.min(1, records / Math.max(1, storage.entryCount()));
    const delayMs = Math.max(share * this.#passMs, restPerWork * workMs, 1);
    this.#timer = clock.schedule(delayMs, () => this.#look());
  }

  #look(): void {
    const { clock, logger, storage } = this.#components;
    const beganMs = clock.monotonicMs();
    try {
      const slice = { start: this.#next, limit: sliceRecords, bytesMax: sliceBytesMax };
      const records = storage.range(slice);
      const last = records.at(-1)?.key;
      if (last === undefined) this.#onEnd();
      else this.#next = Uint8Array.of(...last, 0);
      // One for the end, else nothing would slow down the passes through an empty storage.
      this.#plan(Math.max(1, records.length), clock.monotonicMs() - beganMs);
    } catch (error: unknown) {
      // A disk that cannot be read ends the process elsewhere.
      logger.error('the scrub has ended', { reason: QuorateError.from(error).message });
    }
  }

  #onEnd(): void {
    this.#next = new Uint8Array();
    this.#endsReached++;
    // The first one is not a whole pass: it began anywhere.
    if (this.#endsReached > 1) this.#lastPassMs = this.#components.clock.realtimeMs();
  }
}
