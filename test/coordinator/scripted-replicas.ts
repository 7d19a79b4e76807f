import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { HintSink, ReplicaDirectory } from '../../src/coordinator/ports.ts';
import { ReadRepair } from '../../src/coordinator/read-repair.ts';
import { ClockMonitor } from '../../src/record/clock-monitor.ts';
import { HybridClock } from '../../src/record/hybrid-clock.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import type { Version } from '../../src/record/version.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** A request that waits for the test to answer it. */
export interface Asked {
  readonly node: string;
  readonly request: ReplicaRequest;
  readonly reply: (reply: ReplicaReply) => void;
}

/** A coordinator on node a whose replicas a, b and c are played by the test. */
export class ScriptedReplicas {
  readonly time = new SimulatedTime();
  readonly host = new SimulatedHost(this.time);
  readonly clockMonitor: ClockMonitor;
  readonly coordinator: Coordinator;
  readonly readable = new Set(['a', 'b', 'c']);
  readonly writable = new Set(['a', 'b', 'c']);
  /** Whether what a write needs is durable at once; else the test says when. */
  isCovering = true;
  readonly uncovered: ((isCovered: boolean) => void)[] = [];
  readonly full = new Set<string>();
  readonly hints: [string, VersionedValue][] = [];
  readonly #asked: Asked[] = [];

  constructor(mode: RepairMode = 'HINTED-HANDOFF') {
    const start = { realtimeMs: this.host.realtimeMs(), monotonicMs: this.host.monotonicMs() };
    this.clockMonitor = new ClockMonitor(start, { otherNodes: 2 });
    const replicas: ReplicaDirectory = {
      servesReads: (node) => this.readable.has(node),
      takesWrites: (node) => this.writable.has(node),
      distanceMs: (node) => ['a', 'b', 'c'].indexOf(node),
      clientOf: (node) => ({
        hasRoom: () => !this.full.has(node),
        send: (request, _deadlineMs, reply) => this.#asked.push({ node, request, reply }),
      }),
    };
    const hints: HintSink = {
      keep: (target, _key, record) => this.hints.push([target, record]),
    };
    this.coordinator = new Coordinator(
      {
        clock: this.host,
        hybridClock: new HybridClock(),
        clockMonitor: this.clockMonitor,
        ring: new Ring({
          epoch: 1,
          partitioner: byteOrderedPartitioner,
          replicationFactor: 3,
          owners: evenOwners(['a', 'b', 'c']),
        }),
        replicas,
        hints,
        writeGuard: {
          cover: (_token, _clock, onCovered) => {
            if (this.isCovering) onCovered(true);
            else this.uncovered.push(onCovered);
          },
        },
        readRepair: new ReadRepair({ clock: this.host, replicas }),
      },
      { node: 'a', mode },
    );
    this.coordinator.accept(true);
    for (const node of ['b', 'c']) this.compareClocks(node, 0);
  }

  /** A node's process dies, or comes back. */
  setLive(node: string, isLive: boolean): void {
    for (const set of [this.readable, this.writable]) {
      if (isLive) set.add(node);
      else set.delete(node);
    }
  }

  /** A ping says that a node's clock is ahead by so much. */
  compareClocks(node: string, aheadMs: number): void {
    const now = { realtimeMs: this.host.realtimeMs(), monotonicMs: this.host.monotonicMs() };
    this.clockMonitor.addSample(node, now.realtimeMs + aheadMs, now, now);
  }

  /** What was asked since the last look. */
  take(): readonly Asked[] {
    return this.#asked.splice(0);
  }

  /** A reply that a version is held. */
  holds(version: Version | undefined, behindMs = 0): ReplicaReply {
    const clockMs = this.host.realtimeMs() - behindMs;
    return { outcome: 'ok', version, record: undefined, clockMs };
  }
}
