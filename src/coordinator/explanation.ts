import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import type { Version } from '../record/version.ts';
import type { Token } from '../ring/partitioner.ts';
import type { ReplicaPlan } from './replica-plan.ts';

/** How one request was answered, as its coordinator saw it at the moment of the answer. */
export interface Explanation {
  readonly coordinator: string;
  readonly ringEpoch: number;
  readonly token: Token;
  readonly level: ConsistencyLevel;
  readonly required: number;
  readonly received: number;
  readonly replicas: readonly ReplicaReport[];
  readonly writeBacks: number;
  readonly repairsStarted: number;
  readonly hintsStarted: number;
  readonly isSuperseded: boolean;
}

/** What became of asking one replica. */
export type ReplicaState = 'answered' | 'pending' | 'timed-out' | 'down' | 'failed' | 'not-asked';

/** What one replica had said. */
interface ReplicaReport {
  readonly node: string;
  readonly state: ReplicaState;
  readonly isHinted: boolean;
  readonly version: Version | undefined;
  /** How long its last answer took; `undefined` if it did not answer. */
  readonly milliseconds: number | undefined;
}

/** Notes when replicas were asked and answered: only for requests that want an explanation. */
export class AnswerTimes {
  readonly #askedMs = new Map<string, number>();
  readonly #tookMs = new Map<string, number>();

  asked(node: string, nowMs: number): void {
    this.#askedMs.set(node, nowMs);
  }

  answered(node: string, nowMs: number): void {
    const askedMs = this.#askedMs.get(node);
    if (askedMs !== undefined) this.#tookMs.set(node, nowMs - askedMs);
  }

  tookMs(node: string): number | undefined {
    return this.#tookMs.get(node);
  }
}

/** One word per replica for the metadata of an error: `replica0=answered replica1=down`. */
export function describeReplicas(
  plan: ReplicaPlan,
  stateOf: (node: string) => ReplicaState,
): string {
  return plan.replicas.map((node) => `${node}=${stateOf(node)}`).join(' ');
}
