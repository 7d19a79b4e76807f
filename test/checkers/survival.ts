import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import { describeCall } from './call-lines.ts';
import { expiriesOf } from './expiry.ts';
import type { Call } from './history.ts';
import { inventionsIn, isFloor } from './values.ts';

/** What one replica holds of a key after all calls have ended and the replicas were healed. */
export interface HeldCopy {
  readonly node: string;
  /** That of a floor where the replica answers with one; empty if it has neither. */
  readonly version: string;
  /** `undefined` for a tombstone or nothing. */
  readonly text: string | undefined;
  readonly expireTimeMs?: number;
}

export interface SurvivalOptions {
  /** When the replicas were looked at, on the clock of the history. */
  readonly atMs: number;
  /** Whether a disk was lost, and with it what only it had acknowledged at ONE, or shown. */
  readonly isDiskLost?: boolean;
}

/**
 * Whether what was acknowledged survives: all replicas of a key hold the same, and nothing older
 * than what any write was acknowledged with or any get has shown, of whatever level. So what was
 * deleted or has expired does not come back either. What they hold must have been written.
 *
 * A tombstone below the floor of another replica is the same as that floor, and so is what expired.
 *
 * @param calls of one key.
 * @returns a sentence for each thing that is wrong.
 */
export function lossesIn(
  calls: readonly Call[],
  held: readonly HeldCopy[],
  { atMs, isDiskLost = false }: SurvivalOptions,
): string[] {
  const expiries = expiriesOf(calls);
  const copies = held.map((copy) => asGet(copy, atMs, expiries));
  const floors = copies.filter(({ version }) => isFloor(version));
  const floor = newestOf(floors)?.version ?? '';
  const answers = copies.map((copy) =>
    copy.text === undefined && copy.version < floor ? { ...copy, version: floor } : copy,
  );
  const [first] = answers;
  if (first === undefined) return [];
  const isSure = ({ kind, level }: Call) =>
    isLinearizable(level) || !isDiskLost || (kind !== 'get' && level !== 'ONE');
  const known = newestOf(calls.filter((call) => call.outcome === 'ok' && isSure(call)));
  return [
    ...answers
      .filter(({ text, version }) => text !== first.text || version !== first.version)
      .map((other) => `${describe(other)}, but ${describe(first)}`),
    ...answers
      .filter(({ version }) => known !== undefined && version < known.version)
      .map((copy) => `${describe(copy)} after ${known && describeCall(known)}`),
    ...inventionsIn([...calls, ...copies], copies),
  ];
}

/** What a get answers that asks this replica alone. */
function asGet(copy: HeldCopy, atMs: number, expiries: ReadonlyMap<string, number>): Call {
  const { node, version, text } = copy;
  const expireTimeMs = copy.expireTimeMs ?? (text === undefined ? undefined : expiries.get(text));
  const isGone = expireTimeMs !== undefined && expireTimeMs <= atMs;
  return {
    client: node,
    key: '',
    kind: 'get',
    level: 'ONE',
    startMs: atMs,
    endMs: atMs,
    outcome: 'ok',
    text: isGone ? undefined : text,
    version,
    ...(expireTimeMs !== undefined && { expireTimeMs }),
  };
}

function newestOf(calls: readonly Call[]): Call | undefined {
  let newest: Call | undefined;
  for (const call of calls)
    if (newest === undefined || call.version > newest.version) newest = call;
  return newest;
}

function describe({ client, text, version }: Call): string {
  return `${client} holds ${text === undefined ? 'nothing' : `"${text}"`} as "${version}"`;
}
