import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';

/**
 * What clients did to a store and what they heard, call by call. The simulator and the nemesis both
 * write it, and every checker reads it: none of them knows where a history comes from.
 *
 * Each put writes a text that no other put writes, so a text names its write.
 */
export interface Call {
  /** Who made it. A client makes one call at a time. */
  readonly client: string;
  readonly key: string;
  readonly kind: 'get' | 'put' | 'delete';
  readonly level: ConsistencyLevel;
  /** Milliseconds of one clock for the whole history. */
  readonly startMs: number;
  /** When the client heard the outcome; `undefined` if it never did. */
  readonly endMs: number | undefined;
  /** `uncertain`: a write that may happen at any later time or never. `failed`: it never happens. */
  readonly outcome: 'ok' | 'uncertain' | 'failed';
  /** What a put wrote or a get found; `undefined` for a delete and for "absent". */
  readonly text: string | undefined;
  /** As text, of which a newer one compares greater; empty if never written or not told. */
  readonly version: string;
  /** When the value written or found expires, on the clock of the history. */
  readonly expireTimeMs?: number;
}
