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
  return ordersOf(judged).some(
    (order) =>
      judged.every((call) => order.includes(call) || !isCertain(call)) &&
      isInTime(order) &&
      isRegister(order),
  );
}

/** All orders of all subsets. */
function ordersOf(calls: readonly Call[]): readonly (readonly Call[])[] {
  const orders = calls.flatMap((first) =>
    ordersOf(calls.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  );
  return [[], ...orders];
}

function isCertain({ kind, level, outcome }: Call): boolean {
  return kind === 'get' || (isLinearizable(level) && outcome === 'ok');
}

function isInTime(order: readonly Call[]): boolean {
  return order.every((call, index) =>
    order
      .slice(index + 1)
      .every((later) => !isCertain(later) || (later.endMs ?? 0) >= call.startMs),
  );
}

function isRegister(order: readonly Call[]): boolean {
  let held: Call | undefined;
  return order.every((call) => {
    if (call.kind !== 'get') {
      held = call.kind === 'put' ? call : undefined;
      return true;
    }
    const expireTimeMs = held?.expireTimeMs ?? Number.POSITIVE_INFINITY;
    if (call.text === undefined) {
      return held === undefined || (call.endMs ?? 0) > expireTimeMs - 500;
    }
    return held?.text === call.text && call.startMs < expireTimeMs + 500;
  });
}
