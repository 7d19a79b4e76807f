import type { TokenSet } from '../ring/token-set.ts';

/** Where it goes that a node, perhaps the own one, may miss writes of some tokens: DIRTY. */
export interface DirtySink {
  /** Settles when the marks are durable. */
  mark(target: string, tokens: TokenSet): Promise<void>;
}
