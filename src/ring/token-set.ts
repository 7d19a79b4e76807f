import { assert } from '../base/assert.ts';
import { type Token, tokenCount } from './partitioner.ts';

/** The length of a set in bytes: a bit for each token. */
export const tokenSetBytes = tokenCount / 8;

/**
 * A set of tokens as 256 bits. It never changes: what adds or removes gives another one, or the
 * same if nothing would change, so that it is free to see whether anything has to be written.
 */
export class TokenSet {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A set from its {@link toBytes}, which are copied. */
  static fromBytes(bytes: Uint8Array): TokenSet {
    assert(bytes.length === tokenSetBytes, 'a set of tokens has 32 bytes');
    return new TokenSet(Uint8Array.from(bytes));
  }

  static of(tokens: Iterable<Token>): TokenSet {
    const bytes = new Uint8Array(tokenSetBytes);
    for (const token of tokens) {
      assert(Number.isInteger(token) && token >= 0 && token < tokenCount, 'a token is 0 to 255');
      bytes[token >>> 3] = (bytes[token >>> 3] ?? 0) | (1 << (token & 7));
    }
    return new TokenSet(bytes);
  }

  has(token: Token): boolean {
    return ((this.#bytes[token >>> 3] ?? 0) & (1 << (token & 7))) !== 0;
  }

  get isEmpty(): boolean {
    return this.#bytes.every((byte) => byte === 0);
  }

  /** The tokens of both. */
  union(other: TokenSet): TokenSet {
    return this.#combine(other, (own, others) => own | others);
  }

  /** The tokens of this one that the other does not have. */
  without(other: TokenSet): TokenSet {
    return this.#combine(other, (own, others) => own & ~others);
  }

  /** In ascending order. */
  tokens(): readonly Token[] {
    return Array.from({ length: tokenCount }, (_, token) => token).filter((token) =>
      this.has(token),
    );
  }

  /** The bits, token 0 the lowest of the first byte; not to be changed. */
  toBytes(): Uint8Array {
    return this.#bytes;
  }

  #combine(other: TokenSet, bitsOf: (own: number, others: number) => number): TokenSet {
    const bytes = this.#bytes.map((own, index) => bitsOf(own, other.#bytes[index] ?? 0));
    const isSame = bytes.every((byte, index) => byte === this.#bytes[index]);
    return isSame ? this : new TokenSet(bytes);
  }
}

/** The empty set. */
export const noTokens: TokenSet = TokenSet.of([]);
