import type { ConsistencyLevel } from '../../consistency/consistency-level.ts';

/** What can be chosen for a client, for a view of it, and for one call. */

export interface CallOptions {
  /** How many replicas must answer; QUORUM unless the client or the view says otherwise. */
  readonly consistency?: ConsistencyLevel | undefined;
  /** How long to wait for the outcome, retries included; 2,000 by default, 30,000 at most. */
  readonly timeoutMs?: number | undefined;
  /**
   * Ends the call with CANCELLED when it is aborted. A write that has left may be applied all the
   * same, which the error says.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface ExplainOptions extends CallOptions {
  /** Ask which replicas said what; costs a little. */
  readonly explain?: boolean | undefined;
}

export interface PutOptions extends ExplainOptions {
  /** For how long the value is there: over 0, 3,650 days at most; it never expires without. */
  readonly ttlMs?: number | undefined;
}

export interface ViewOptions {
  /** Put before each key, which may then be shorter by its bytes. */
  readonly prefix?: string | undefined;
  /** The level of calls that name none; the client's by default. */
  readonly consistency?: ConsistencyLevel | undefined;
  /** How long calls wait that name no time; the client's by default. */
  readonly timeoutMs?: number | undefined;
}

export interface ConnectOptions {
  /** The level of calls that name none; QUORUM by default. */
  readonly consistency?: ConsistencyLevel | undefined;
  /** How long calls wait that name no time; 2,000 by default, 30,000 at most. */
  readonly timeoutMs?: number | undefined;
  /** How long `connect` waits for a node that serves; 5,000 by default. */
  readonly connectTimeoutMs?: number | undefined;
  /** All calls go to this node, as its name or `host:port`, and to no other. */
  readonly coordinator?: string | undefined;
  /** Whether calls that are made together travel together; true by default. */
  readonly pipelining?: boolean | undefined;
  /** Whether a slow read is asked a second time, of another node; true by default. */
  readonly hedging?: boolean | undefined;
}
