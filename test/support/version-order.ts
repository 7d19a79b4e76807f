import { compareVersions, type Version } from '../../src/record/version.ts';

/**
 * The linear-time check of a history of one key: since versions are the order of the writes, an
 * operation must not see or make an older version than one that had ended before it began.
 */
export interface Observation {
  readonly startMs: number;
  readonly endMs: number;
  readonly kind: 'read' | 'write';
  readonly version: Version | undefined;
  readonly by: string;
}

/** Returns a sentence for each observation that went back in time. */
export function backwardsIn(history: readonly Observation[]): string[] {
  const byStart = [...history].sort((left, right) => left.startMs - right.startMs);
  const byEnd = [...history].sort((left, right) => left.endMs - right.endMs);
  const violations: string[] = [];
  let ended = 0;
  let newest: Observation | undefined;
  for (const observation of byStart) {
    for (let other = byEnd[ended]; other && other.endMs < observation.startMs; ) {
      if (compareVersions(other.version, newest?.version) > 0) newest = other;
      other = byEnd[++ended];
    }
    const order = compareVersions(observation.version, newest?.version);
    // A write must be newer than all before it; a read may return the same again.
    if (order < 0 || (order === 0 && observation.kind === 'write' && newest !== undefined)) {
      violations.push(`${describe(observation)} after ${newest && describe(newest)}`);
    }
  }
  return violations;
}

function describe({ kind, by, startMs, endMs, version }: Observation): string {
  const clock = version === undefined ? 'nothing' : `${version.clock}-${version.node}`;
  return `${kind} of ${clock} by ${by} at ${startMs.toFixed(1)}–${endMs.toFixed(1)}`;
}
