import { assert } from '../base/assert.ts';
import { type Token, tokenCount } from './partitioner.ts';

const clockBytes = 8;

/** The length of {@link FloorClocks} in bytes: a clock for each token. */
export const floorsBytes = tokenCount * clockBytes;

/** A hybrid clock for each token, 0 for none. It never changes. */
export class FloorClocks {
  readonly #clocks: BigUint64Array;

  private constructor(clocks: BigUint64Array) {
    this.#clocks = clocks;
  }

  /** Clocks from their {@link toBytes}. */
  static fromBytes(bytes: Uint8Array): FloorClocks {
    assert(bytes.length === floorsBytes, 'the clocks of all tokens have 2,048 bytes');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const clocks = new BigUint64Array(tokenCount);
    return new FloorClocks(clocks.map((_, token) => view.getBigUint64(token * clockBytes)));
  }

  of(token: Token): bigint {
    return this.#clocks[token] ?? 0n;
  }

  /** These clocks, with another one for each of some tokens. */
  with(tokens: Iterable<Token>, clockOf: (token: Token) => bigint): FloorClocks {
    const clocks = this.#clocks.slice();
    for (const token of tokens) clocks[token] = clockOf(token);
    return new FloorClocks(clocks);
  }

  /** The later of both for each token. */
  latest(other: FloorClocks): FloorClocks {
    return new FloorClocks(
      this.#clocks.map((clock, token) => {
        const others = other.of(token);
        if (clock < others) return others;
        return clock;
      }),
    );
  }

  /** The clocks in the order of the tokens, the highest byte of each first. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(floorsBytes);
    const view = new DataView(bytes.buffer);
    for (const [token, clock] of this.#clocks.entries()) {
      view.setBigUint64(token * clockBytes, clock);
    }
    return bytes;
  }
}

/** No token has a clock. */
export const noFloors: FloorClocks = FloorClocks.fromBytes(new Uint8Array(floorsBytes));
