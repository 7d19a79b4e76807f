import type { QuorateError } from '../../src/base/quorate-error.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import type { Call } from '../checkers/history.ts';

/** What the load wants of the cluster, and what it is told: the way there is a client's. */
export interface Wish {
  readonly key: Uint8Array;
  readonly kind: Call['kind'];
  readonly level: ConsistencyLevel;
  /** What a put writes. */
  readonly text: string;
}

export interface Told {
  readonly outcome: Call['outcome'];
  /** When it was sent, or earlier. */
  readonly startMs: number;
  readonly text?: string | undefined;
  readonly version?: string;
  /** What was said by those that did not do it, in their order. */
  readonly errors: readonly string[];
}

export interface Caller {
  /** Fulfils a wish, or tells why not. */
  call(wish: Wish): Promise<Told>;
  /** Once no call is open. */
  stop(): Promise<void>;
}

/** What a failure means: a write may have happened, a read changes nothing. */
export function outcomeOf({ mayHaveApplied }: QuorateError, { kind }: Wish): Call['outcome'] {
  return mayHaveApplied && kind !== 'get' ? 'uncertain' : 'failed';
}

/** A failure in words that are the same for all of its kind. */
export function wordsOf({ code, details }: QuorateError): string {
  const { reason, replicas } = details;
  return [code, reason, replicas].filter((word) => word !== undefined).join(' ');
}
