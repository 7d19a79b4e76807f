import type { HintSink } from '../coordinator/ports.ts';
import type { Version } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Token } from '../ring/partitioner.ts';

/**
 * Writes that replicas missed, by target, until the target has acknowledged them. A hint is the
 * original record with its original version: replaying it is idempotent and needs no order. Only
 * the newest version of each (target, key) is kept.
 *
 * Nothing is lost without a trace: a hint that is not kept, for a limit or for its age, marks its
 * token DIRTY for that target.
 */
export interface HintStore extends HintSink {
  /** Up to `limit` hints for a target, the longest kept first. */
  page(target: string, limit: number): readonly Hint[];
  /** Forgets a delivered hint, unless a newer version has taken its place. */
  remove(target: string, key: Uint8Array, version: Version): void;
  /** Gives a hint up that can never be delivered, and marks its token DIRTY. */
  abandon(target: string, key: Uint8Array, version: Version): void;
  /** Drops the hints older than the age limit and marks their tokens DIRTY. */
  expire(): void;
  /** What is kept for a target, without the hints themselves. */
  summary(target: string): HintSummary;
}

export interface Hint {
  readonly key: Uint8Array;
  readonly record: VersionedValue;
}

export interface HintSummary {
  readonly count: number;
  readonly bytes: number;
  /** How long the oldest hint has waited; `undefined` if none waits. */
  readonly oldestAgeMs: number | undefined;
  readonly dirtyTokens: readonly Token[];
  /** How many hints were dropped over a limit since the node started. */
  readonly dropped: number;
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
