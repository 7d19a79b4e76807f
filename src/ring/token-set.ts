import { type Token, tokenCount } from './partitioner.ts';

/** How many bytes a set of tokens takes: a bit for each. */
export const tokenSetBytes = tokenCount / 8;

/** A set of tokens as 256 bits, token 0 being the lowest bit of the first byte. */
export class TokenSet {
  /** The bits; they change with the set. */
  readonly bytes: Uint8Array;

  /** @param bytes 32 bytes, copied; none for the empty set. */
  constructor(bytes?: Uint8Array) {
    this.bytes = new Uint8Array(tokenSetBytes);
    if (bytes !== undefined) this.bytes.set(bytes.subarray(0, tokenSetBytes));
  }

  static of(tokens: Iterable<Token>): TokenSet {
    const set = new TokenSet();
    for (const token of tokens) set.add(token);
    return set;
  }

  has(token: Token): boolean {
    return (this.#byteOf(token) & (1 << (token & 7))) !== 0;
  }

  add(token: Token): void {
    this.bytes[token >>> 3] = this.#byteOf(token) | (1 << (token & 7));
  }

  delete(token: Token): void {
    this.bytes[token >>> 3] = this.#byteOf(token) & ~(1 << (token & 7));
  }

  addAll(other: TokenSet): void {
    for (const [index, byte] of other.bytes.entries()) {
      this.bytes[index] = (this.bytes[index] ?? 0) | byte;
    }
  }

  get isEmpty(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  /** The tokens, ascending. */
  *[Symbol.iterator](): Iterator<Token> {
    for (let token = 0; token < tokenCount; token++) if (this.has(token)) yield token;
  }

  #byteOf(token: Token): number {
    return this.bytes[token >>> 3] ?? 0;
  }
}
