import { TokenSet } from '../../src/ring/token-set.ts';
import type { NodeState } from '../../src/storage/node-state.ts';

/** A state that differs from that of every other number. */
export function sampleState(number: number): NodeState {
  return {
    ceiling: BigInt(number) << 20n,
    writing: TokenSet.of([number % 256]),
    dirty: new Map([[`replica${number % 3}`, TokenSet.of([1, (number * 7) % 256])]]),
    isClean: number % 2 === 0,
  };
}

/** A state as plain data, for comparing. */
export function plain({ ceiling, writing, dirty, isClean }: NodeState): unknown {
  const marks = [...dirty].map(([target, tokens]) => [target, tokens.tokens()]);
  return { ceiling, writing: writing.tokens(), marks, isClean };
}
