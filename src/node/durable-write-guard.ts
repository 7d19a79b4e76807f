import type { WriteGuard } from '../coordinator/ports.ts';
import { clockAtMs, clockToMs, laterClock } from '../record/version.ts';
import type { Token } from '../ring/partitioner.ts';
import { noTokens, TokenSet } from '../ring/token-set.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { DurableState } from '../storage/durable-state.ts';

/**
 * The write guard of a node with a disk. It keeps durable what the next run must know if this one
 * ends without a word: a ceiling that no clock of its versions has passed, and the tokens that it
 * may have been writing. The next run makes versions above the ceiling only, and takes for granted
 * that every other replica of those tokens misses a write that nobody kept a hint for.
 *
 * While there are writes the ceiling is raised before it is reached, so that only the first write
 * after a silence, or to another token, waits for a flush. A token is forgotten when no write to it
 * can be under way any more.
 */
export interface DurableWriteGuardComponents {
  readonly clock: Clock;
  readonly state: DurableState;
}

const ceilingAheadMs = 250;
const renewEveryMs = 100;
/** The longest deadline of a write, and a second for what follows it. */
const writeMsMax = 31_000;

interface Waiting {
  readonly token: Token;
  readonly clock: bigint;
  readonly onCovered: (isCovered: boolean) => void;
}

export class DurableWriteGuard implements WriteGuard {
  readonly #clock: Clock;
  readonly #state: DurableState;
  /** The tokens written since the last turn of generations, and before it. */
  #young = noTokens;
  #old = noTokens;
  #turnsAtMs: number;
  #waiting: Waiting[] = [];
  /** The greatest clock that was to be covered. */
  #newest = 0n;
  #isUsed = false;
  #isFailed = false;
  #timer: Timer | undefined;

  constructor({ clock, state }: DurableWriteGuardComponents) {
    this.#clock = clock;
    this.#state = state;
    this.#turnsAtMs = clock.monotonicMs() + writeMsMax;
  }

  cover(token: Token, clock: bigint, onCovered: (isCovered: boolean) => void): void {
    this.#isUsed = true;
    this.#newest = laterClock(this.#newest, clock);
    this.#timer ??= this.#clock.schedule(renewEveryMs, () => this.#renew());
    if (!this.#young.has(token)) this.#young = this.#young.union(TokenSet.of([token]));
    if (this.#isCovered(token, clock)) return onCovered(true);
    if (this.#isFailed) return onCovered(false);
    this.#waiting.push({ token, clock, onCovered });
    if (this.#waiting.length === 1) this.#save();
  }

  /** @param isClean whether no write is under way: then the next run finds a clean end. */
  async stop(isClean: boolean): Promise<void> {
    this.#timer?.cancel();
    if (!isClean || this.#isFailed) return;
    await this.#state.update((state) => ({ ...state, writing: noTokens, isClean: true }));
  }

  #renew(): void {
    this.#timer = undefined;
    if (!this.#isUsed) return;
    this.#isUsed = false;
    this.#save();
    this.#timer = this.#clock.schedule(renewEveryMs, () => this.#renew());
  }

  /** Makes all that was asked for so far durable, and the time that follows. */
  #save(): void {
    this.#turn();
    // The time is believed no further than the versions, which the others have judged: a ceiling
    // from a clock that jumps for a moment would forbid writes after the next start.
    const newestMs = clockToMs(this.#newest);
    const pacedMs = Math.min(this.#clock.realtimeMs(), newestMs + renewEveryMs);
    const ceiling = clockAtMs(Math.max(newestMs, pacedMs) + ceilingAheadMs);
    const writing = this.#young.union(this.#old);
    this.#state
      .update((state) => ({
        ...state,
        ceiling: laterClock(ceiling, state.ceiling),
        writing,
        isClean: false,
      }))
      .then(
        () => this.#onSaved(),
        () => this.#onFailed(),
      );
  }

  #turn(): void {
    if (this.#clock.monotonicMs() < this.#turnsAtMs) return;
    this.#turnsAtMs = this.#clock.monotonicMs() + writeMsMax;
    this.#old = this.#young;
    this.#young = TokenSet.of(this.#waiting.map(({ token }) => token));
  }

  #onSaved(): void {
    const covered: Waiting[] = [];
    const left: Waiting[] = [];
    for (const waiting of this.#waiting) {
      (this.#isCovered(waiting.token, waiting.clock) ? covered : left).push(waiting);
    }
    this.#waiting = left;
    if (this.#waiting.length > 0) this.#save();
    for (const { onCovered } of covered) onCovered(true);
  }

  /** The latest state matters too: a token that is about to be forgotten is covered no more. */
  #isCovered(token: Token, clock: bigint): boolean {
    const { durable, latest } = this.#state;
    return clock <= durable.ceiling && durable.writing.has(token) && latest.writing.has(token);
  }

  #onFailed(): void {
    this.#isFailed = true;
    for (const { onCovered } of this.#waiting.splice(0)) onCovered(false);
  }
}
