import { mayBeGone } from './expiry.ts';
import type { Register } from './register-search.ts';
import type { Step } from './steps.ts';

/**
 * A quick look for contradictions between two texts: the zones of Gibbons and Korach ("Testing
 * shared memories", 1997). Since a text is written once, it is held without a break from its put to
 * the last read of it: for certain from the first end of these steps to their last beginning. In
 * that zone nothing else can be written, found or missed.
 *
 * The search finds all of that too, but needs long where many steps overlap. Only the search knows
 * what deletes can explain, and what was there at the beginning.
 *
 * @returns whether there is such a contradiction.
 */
export function hasTornZone(register: Register): boolean {
  const { steps, expiries } = register;
  const zones = zonesOf(register);
  if (zones === undefined) return true;
  const held = zones.filter(({ heldMs, untilMs }) => heldMs < untilMs);
  const others = zones.filter(({ heldMs, untilMs }) => heldMs >= untilMs);
  held.sort((left, right) => left.heldMs - right.heldMs);
  const isOverlapping = held.some(({ heldMs }, index) => {
    const before = held[index - 1];
    return before !== undefined && heldMs < before.untilMs;
  });
  const isInside = (zone: Zone | undefined, startMs: number, endMs: number) =>
    zone !== undefined && zone.heldMs < startMs && endMs < zone.untilMs;
  const isTornBy = ({ startMs, endMs, isWrite }: Step) => {
    const zone = lastBefore(held, startMs);
    if (!isInside(zone, startMs, endMs)) return false;
    return isWrite || !mayBeGone(expiries.get(zone?.text ?? ''), endMs);
  };
  return (
    isOverlapping ||
    others.some(({ heldMs, untilMs }) => isInside(lastBefore(held, untilMs), untilMs, heldMs)) ||
    steps.some((step) => step.text === undefined && isTornBy(step))
  );
}

interface Zone {
  readonly text: string;
  /** The first end of a step with this text. */
  heldMs: number;
  /** The last beginning of one. */
  untilMs: number;
}

/** The zones of all texts, or `undefined` if one was read before it was put. */
function zonesOf({ steps, uncertain }: Register): Zone[] | undefined {
  const zones = new Map<string, Zone>();
  const writes = steps.filter(({ isWrite }) => isWrite);
  for (const { text, startMs } of [...writes, ...uncertain]) {
    if (text === undefined) continue;
    zones.set(text, { text, heldMs: Number.POSITIVE_INFINITY, untilMs: startMs });
  }
  const putsMs = new Map([...zones].map(([text, { untilMs }]) => [text, untilMs] as const));
  for (const { text, startMs, endMs } of steps) {
    if (text === undefined) continue;
    const zone = zones.get(text);
    if (zone === undefined || endMs < (putsMs.get(text) ?? 0)) return undefined;
    zone.heldMs = Math.min(zone.heldMs, endMs);
    zone.untilMs = Math.max(zone.untilMs, startMs);
  }
  return [...zones.values()];
}

/** The last zone that begins before a time. */
function lastBefore(zones: readonly Zone[], timeMs: number): Zone | undefined {
  let low = 0;
  let high = zones.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((zones[middle]?.heldMs ?? timeMs) < timeMs) low = middle + 1;
    else high = middle;
  }
  return zones[low - 1];
}
