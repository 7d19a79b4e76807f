import { noTokens, type TokenSet } from '../ring/token-set.ts';
import type { DurableState } from '../storage/durable-state.ts';
import type { DirtyMarks } from './dirty-tokens.ts';

/** Marks in the state file, which takes them also while the disk is full. */
export class StateDirtyMarks implements DirtyMarks {
  readonly #state: Pick<DurableState, 'latest' | 'update'>;

  constructor(state: Pick<DurableState, 'latest' | 'update'>) {
    this.#state = state;
  }

  tokensOf(target: string): TokenSet {
    return this.#state.latest.dirty.get(target) ?? noTokens;
  }

  mark(target: string, tokens: TokenSet): Promise<void> {
    return this.#change(target, (dirty) => dirty.union(tokens));
  }

  clear(target: string, tokens: TokenSet): Promise<void> {
    return this.#change(target, (dirty) => dirty.without(tokens));
  }

  #change(target: string, change: (dirty: TokenSet) => TokenSet): Promise<void> {
    return this.#state.update((state) => {
      const before = state.dirty.get(target) ?? noTokens;
      const after = change(before);
      if (after === before) return state;
      return { ...state, dirty: new Map(state.dirty).set(target, after) };
    });
  }
}
