import type { QuorateErrorCode } from '../../base/quorate-error.ts';
import type { ConsistencyLevel } from '../../consistency/consistency-level.ts';
import type { Random } from '../../runtime/random.ts';
import type { Failure } from './attempt.ts';

/**
 * What becomes of a call whose attempt failed. `final`: it ends with the error. `elsewhere`: this
 * node is the trouble, another may do it at once. `later`: the cluster is the trouble, or its load.
 *
 * A write that may have been applied is never sent again: it would be another write, and its value
 * could come back after others had replaced it.
 */
export type Verdict = 'final' | 'elsewhere' | 'later';

/** Refusals that are of one node. */
const ofOneNode: readonly QuorateErrorCode[] = ['NODE_NOT_READY', 'CLOCK_SKEW', 'RECORD_DAMAGED'];

export function verdictOf({ fate, error }: Failure, isWrite: boolean): Verdict {
  if (fate === 'unsent') return 'elsewhere';
  if (fate === 'lost') return isWrite ? 'final' : 'elsewhere';
  const mayBeDone = isWrite && error.details['mayHaveApplied'] !== false;
  if (!error.retryable || mayBeDone) return 'final';
  return ofOneNode.includes(error.code) ? 'elsewhere' : 'later';
}

/** They need every replica, so any one of them can be the trouble. */
const ofAllReplicas: readonly ConsistencyLevel[] = ['THREE', 'ALL'];

/** Whether a failure lets expect the same of the node's next calls. */
export function speaksAgainstNode({ fate, error }: Failure, level: ConsistencyLevel): boolean {
  if (fate !== 'refused' || !error.retryable) return false;
  return ofOneNode.includes(error.code) || !ofAllReplicas.includes(level);
}

const backoffMsMin = 20;
const backoffMsMax = 1_000;

/**
 * How long to wait before a try: longer each time, and by chance, so that callers that failed
 * together do not come back together.
 *
 * @param tries how many have failed.
 */
export function backoffMs({ error }: Failure, tries: number, random: Random): number {
  const asked = Number(error.details['retryDelayMs'] ?? 0);
  const longestMs = Math.min(backoffMsMin * 2 ** tries, backoffMsMax);
  return asked + longestMs * (0.5 + random.fraction() / 2);
}
