import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import type { Version } from '../record/version.ts';
import type { Value, VersionedValue } from '../record/versioned-value.ts';
import type { Explanation } from './explanation.ts';

/** What a client asks of a coordinator, and what it gets. */
interface RequestBase {
  /** 1 to 1,024 bytes. */
  readonly key: Uint8Array;
  readonly level: ConsistencyLevel;
  /** How long the caller waits, in milliseconds: over 0, at most 30,000. */
  readonly timeoutMs: number;
  readonly isExplained: boolean;
}

/** A get. `onCancel` hands out the way to stop it early. */
export interface ReadRequest extends RequestBase {
  readonly onCancel?: ((cancel: () => void) => void) | undefined;
}

/** A put, or a delete where `value` is `undefined`. */
export interface WriteRequest extends RequestBase {
  readonly value: Value | undefined;
  /** For how long the value is there: whole milliseconds over 0; it never expires without. */
  readonly ttlMs?: number | undefined;
  /**
   * The version under which this was written before, if it is brought back as it was, time of
   * expiry included. Replicas that hold something newer keep that, so a second time changes nothing.
   */
  readonly version?: Version | undefined;
}

export interface ReadResult {
  /**
   * The newest record; without a value if it is a tombstone or has expired, `undefined` if the key
   * was never written.
   */
  readonly record: VersionedValue | undefined;
  /** When the value expires or has expired; `undefined` if it never does. */
  readonly expireTimeMs: number | undefined;
  readonly explanation: Explanation | undefined;
}

export interface WriteResult {
  readonly version: Version;
  readonly explanation: Explanation | undefined;
}
