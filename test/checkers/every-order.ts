import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import type { Call } from './history.ts';

/**
 * Whether a register can explain the calls of one key, found by trying every order of them with and
 * without each uncertain write: slow, and so simple that it can be believed.
 */
export function hasOrder(calls: readonly Call[]): boolean {
  const judged = calls.filter(
    ({ kind, level, outcome }) =>
      outcome !== 'failed' && (kind !== 'get' || (isLinearizable(level) && outcome === 'ok')),
  );
  return canContinue(judged, undefined);
}

/** Whether the calls that are left can follow on what the put `held` left; nothing without one. */
function canContinue(left: readonly Call[], held: Call | undefined): boolean {
  const certain = left.filter(isCertain);
  if (certain.length === 0) return true;
  return left.some((next) => {
    const comesLater = certain.some(({ endMs = 0 }) => endMs < next.startMs);
    if (comesLater || (next.kind === 'get' && !isRight(next, held))) return false;
    const holds = next.kind === 'get' ? held : next.kind === 'put' ? next : undefined;
    return canContinue(
      left.filter((other) => other !== next),
      holds,
    );
  });
}

function isCertain({ kind, level, outcome }: Call): boolean {
  return kind === 'get' || (isLinearizable(level) && outcome === 'ok');
}

function isRight({ text, startMs, endMs = 0 }: Call, held: Call | undefined): boolean {
  const expireTimeMs = held?.expireTimeMs ?? Number.POSITIVE_INFINITY;
  if (text === undefined) return held === undefined || endMs > expireTimeMs - 500;
  return held?.text === text && startMs < expireTimeMs + 500;
}
