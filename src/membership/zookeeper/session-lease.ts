import { assert } from '../../base/assert.ts';

/**
 * How long a session may be trusted, from what was answered when. Only the server decides when a
 * session expires, and it tells nobody until they connect again; a client that waits to be told
 * would believe in a session, and lead with it, long after others have taken over.
 *
 * So trust is a lease: a request that was answered proves that the session lived when it was SENT.
 * Half a session later the lease is in doubt, two thirds later it is over, before the server can
 * have given the session away (it counts from the arrival of the request, which is later).
 *
 * A process that did not run (stopped, or busy with long synchronous work) could not read answers,
 * so its silence is no proof against the server: the lease is in doubt at once, by the clock, but
 * over only if a new request is not answered either. Pure: the shell tells it the time.
 */
export type LeaseStanding = 'valid' | 'doubtful' | 'over';

const doubtfulShare = 1 / 2;
const overShare = 2 / 3;
/** What a request may take after a gap before the lease is over. */
const graceShare = 1 / 4;

export class SessionLease {
  readonly sessionTimeoutMs: number;
  #validatedAtMs: number;
  #silentSinceMs: number;
  #tickedAtMs: number;

  /** @param nowMs when the request that opened the session was sent. */
  constructor(sessionTimeoutMs: number, nowMs: number) {
    assert(sessionTimeoutMs > 0, 'a session has a timeout');
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#validatedAtMs = nowMs;
    this.#silentSinceMs = nowMs;
    this.#tickedAtMs = nowMs;
  }

  /** A request that was sent then has been answered. */
  validate(sentAtMs: number): void {
    this.#validatedAtMs = Math.max(this.#validatedAtMs, sentAtMs);
    this.#silentSinceMs = Math.max(this.#silentSinceMs, sentAtMs);
  }

  /**
   * The event loop runs; called at least every eighth of a session.
   *
   * @returns how long it did not, if that was too long to blame the server for the silence.
   */
  tick(nowMs: number): number | undefined {
    const gapMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (gapMs < this.sessionTimeoutMs * graceShare) return undefined;
    const graceMs = this.sessionTimeoutMs * graceShare;
    const sinceMs = nowMs + graceMs - this.sessionTimeoutMs * overShare;
    this.#silentSinceMs = Math.max(this.#silentSinceMs, sinceMs);
    return gapMs;
  }

  /** True to the clock even when no tick came since a gap. */
  isValid(nowMs: number): boolean {
    return nowMs - this.#validatedAtMs < this.sessionTimeoutMs * doubtfulShare;
  }

  standing(nowMs: number): LeaseStanding {
    if (nowMs - this.#silentSinceMs >= this.sessionTimeoutMs * overShare) return 'over';
    return this.isValid(nowMs) ? 'valid' : 'doubtful';
  }
}
