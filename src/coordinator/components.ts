import type { RepairMode } from '../consistency/repair-mode.ts';
import type { ClockMonitor } from '../record/clock-monitor.ts';
import type { HybridClock } from '../record/hybrid-clock.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Deadlines } from '../runtime/deadlines.ts';
import type { HintSink, ReplicaDirectory, WriteGuard } from './ports.ts';
import type { ReadPatience } from './read-patience.ts';
import type { ReadRepair } from './read-repair.ts';

/** What coordinating takes; each class narrows it to what it uses. */
export interface CoordinatorComponents {
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly clockMonitor: ClockMonitor;
  readonly ring: Ring;
  readonly replicas: ReplicaDirectory;
  readonly hints: HintSink;
  readonly writeGuard: WriteGuard;
  readonly readRepair: ReadRepair;
}

/** What one request is coordinated with. */
export interface OperationComponents extends CoordinatorComponents {
  readonly deadlines: Deadlines<Operation>;
  readonly readPatience: ReadPatience;
}

/** A request that is being coordinated. */
export interface Operation {
  /** Its time is over, or the moment has come that it asked for. */
  onDeadline(): void;
}

export interface CoordinatorOptions {
  /** The node that coordinates. */
  readonly node: string;
  readonly mode: RepairMode;
}
