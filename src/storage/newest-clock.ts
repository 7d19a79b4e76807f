import { encodeText } from '../base/bytes.ts';
import { clockAtMs, laterClock } from '../record/version.ts';
import { decodeVersion, encodeRecord } from './record-format.ts';
import type { Change, Tables } from './tables.ts';

/**
 * A clock that nothing in the table `data` is newer than, nor anything that ever was or is on its way
 * there. It outlives the process as a mark in the table `meta`, which is up to half a second ahead of
 * what it covers, so that few stores have to raise it; those take the higher mark into their own
 * transaction.
 */
export class NewestClock {
  #clock: bigint | undefined;
  #mark: bigint;

  /** Without a readable mark beside records nobody knows what was there. */
  constructor(tables: Tables) {
    const bytes = tables.get('meta', markKey);
    if (bytes === undefined) this.#clock = tables.count('data') === 0 ? 0n : undefined;
    else this.#clock = decodeVersion(markKey, bytes)?.clock;
    this.#mark = this.#clock ?? 0n;
  }

  /** `undefined` if it is not known. */
  get clock(): bigint | undefined {
    return this.#clock;
  }

  /** A version is to be stored. @returns what has to become durable with it, if anything has. */
  cover(clock: bigint): Change | undefined {
    if (this.#clock === undefined) return undefined;
    this.#clock = laterClock(this.#clock, clock);
    if (clock <= this.#mark) return undefined;
    // Not of the one that is to be stored, which may be older than what the forgotten mark covered.
    this.#mark = this.#clock + aheadBy;
    const version = { clock: this.#mark, node: 'mark' };
    return {
      table: 'meta',
      key: markKey,
      value: encodeRecord(markKey, { version, value: undefined }),
    };
  }

  /** A write has failed, and perhaps the mark with it: the next store writes it again. */
  forgetMark(): void {
    this.#mark = 0n;
  }
}

const markKey: Uint8Array = encodeText('newest clock');
const aheadBy = clockAtMs(500);
