import { type Explanation, ReplicaReport_State } from '../../generated/quorate/v1/key_value.ts';
import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import { formatVersion, type Version } from '../record/version.ts';
import type { Token } from '../ring/partitioner.ts';
import { levelToWire } from './level-form.ts';

/** An explanation as a coordinator gives it. */
export interface DomainExplanation {
  readonly coordinator: string;
  readonly ringEpoch: number;
  readonly token: Token;
  readonly level: ConsistencyLevel;
  readonly required: number;
  readonly received: number;
  readonly replicas: readonly {
    readonly node: string;
    readonly state: keyof typeof states;
    readonly isHinted: boolean;
    readonly version: Version | undefined;
    readonly milliseconds: number | undefined;
  }[];
  readonly writeBacks: number;
  readonly repairsStarted: number;
  readonly hintsStarted: number;
  readonly isSuperseded: boolean;
}

/** To microseconds: the clock knows no more. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

const states = {
  answered: ReplicaReport_State.ANSWERED,
  pending: ReplicaReport_State.PENDING,
  'timed-out': ReplicaReport_State.TIMED_OUT,
  down: ReplicaReport_State.DOWN,
  failed: ReplicaReport_State.FAILED,
  'not-asked': ReplicaReport_State.NOT_ASKED,
} as const;

export function explanationToWire(
  explanation: DomainExplanation | undefined,
): Explanation | undefined {
  if (explanation === undefined) return undefined;
  const { level, isSuperseded, replicas, ...same } = explanation;
  return {
    ...same,
    consistency: levelToWire(level),
    superseded: isSuperseded,
    replicas: replicas.map((report) => ({
      node: report.node,
      state: states[report.state],
      hinted: report.isHinted,
      version: formatVersion(report.version),
      milliseconds: roundMs(report.milliseconds ?? 0),
    })),
  };
}
