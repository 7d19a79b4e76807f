import type { ClockMonitor } from '../record/clock-monitor.ts';
import { clockToMs, compareVersions, floorVersion } from '../record/version.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TokenFloors } from './token-floors.ts';

/**
 * Which records are as good as gone: tombstones at or below the floor of their token, and values
 * below it that expired long ago. A replica answers as if it did not hold them and does not name
 * them to others, from the moment in which the floor is raised; when they leave the disk after that
 * makes no difference to anybody.
 *
 * How long ago a value expired is judged by a clock that agrees with the others, or not at all.
 */
export interface ReclaimableComponents {
  readonly clock: Clock;
  readonly clockMonitor: ClockMonitor;
  readonly floors: TokenFloors;
}

export interface ReclaimableOptions {
  /** How long tombstones are kept, and values after they have expired. */
  readonly tombstoneAgeMs: number;
}

/** Coordinators whose clocks agree are less than this apart. */
const expiredAgeMsMin = 1_000;

export class Reclaimable {
  readonly #components: ReclaimableComponents;
  readonly #expiredAgeMs: number;

  constructor(components: ReclaimableComponents, options: ReclaimableOptions) {
    this.#components = components;
    this.#expiredAgeMs = Math.max(expiredAgeMsMin, options.tombstoneAgeMs);
  }

  /** Whether a record may leave the disk now. */
  isGone(token: Token, record: VersionedValue): boolean {
    const { clock, floors } = this.#components;
    const floor = floors.floorOf(token);
    if (floor === 0n || compareVersions(record.version, floorVersion(floor)) > 0) return false;
    if (record.value === undefined) return true;
    const { expireTimeMs } = record.value;
    return this.#isLongAgo(expireTimeMs, clock.realtimeMs());
  }

  /** Whether a record could go if the floor of its token were raised to a clock. */
  isDue(record: VersionedValue, clock: bigint): boolean {
    if (record.version.clock >= clock) return false;
    return (
      record.value === undefined || this.#isLongAgo(record.value.expireTimeMs, clockToMs(clock))
    );
  }

  #isLongAgo(expireTimeMs: number | undefined, nowMs: number): boolean {
    if (expireTimeMs === undefined || expireTimeMs + this.#expiredAgeMs > nowMs) return false;
    const { clock, clockMonitor } = this.#components;
    const now = { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
    return clockMonitor.mayJudgeTimes(now);
  }
}
