import { noTokens, type TokenSet } from '../ring/token-set.ts';

/**
 * Which replicas may miss a write of which tokens, with no hint kept for it: DIRTY. A mark stays
 * until a copy from all other replicas, begun after it, has ended well.
 *
 * Whoever cannot keep or deliver what a replica missed marks it here. A node may mark itself.
 */
export class DirtyTokens {
  readonly #marks: DirtyMarks;
  readonly #listeners: MarkListener[] = [];

  constructor(marks: DirtyMarks) {
    this.#marks = marks;
  }

  tokensOf(target: string): TokenSet {
    return this.#marks.tokensOf(target);
  }

  /** Marks tokens, at once for this process; settles when the marks are durable. */
  mark(target: string, tokens: TokenSet): Promise<void> {
    if (tokens.isEmpty) return Promise.resolve();
    const marked = this.#marks.mark(target, tokens);
    for (const listener of this.#listeners) listener(target, tokens);
    return marked;
  }

  /** Takes marks away: only after a copy, or where the target holds the tokens no more. */
  clear(target: string, tokens: TokenSet): void {
    // A mark that a restart brings back costs one more copy.
    this.#marks.clear(target, tokens).catch(() => undefined);
  }

  /** Tells of every mark, also of tokens that are marked already. */
  onMark(listener: MarkListener): void {
    this.#listeners.push(listener);
  }
}

type MarkListener = (target: string, tokens: TokenSet) => void;

/** Where marks are kept. Changes are seen at once; what they give settles when they are durable. */
export interface DirtyMarks {
  tokensOf(target: string): TokenSet;
  mark(target: string, tokens: TokenSet): Promise<void>;
  clear(target: string, tokens: TokenSet): Promise<void>;
}

/** Marks that are gone with the process, as its data is. */
export class MemoryDirtyMarks implements DirtyMarks {
  readonly #tokens = new Map<string, TokenSet>();

  tokensOf(target: string): TokenSet {
    return this.#tokens.get(target) ?? noTokens;
  }

  async mark(target: string, tokens: TokenSet): Promise<void> {
    this.#tokens.set(target, this.tokensOf(target).union(tokens));
  }

  async clear(target: string, tokens: TokenSet): Promise<void> {
    this.#tokens.set(target, this.tokensOf(target).without(tokens));
  }
}
