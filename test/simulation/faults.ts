import type { SimulatedCluster } from '../support/simulated-cluster.ts';
import { SeededRandom } from '../support/simulated-time.ts';
import type { Profile } from './profile.ts';

/** What goes wrong in a run, planned before it begins, so that a fault can be left out of it. */
export type FaultKind =
  | 'kill'
  | 'kill-all'
  | 'stop'
  | 'lose-disk'
  | 'pause'
  | 'isolate'
  | 'cut'
  | 'reset'
  | 'slow'
  | 'clock'
  | 'io-error'
  | 'full'
  | 'damage';

export interface Fault {
  /** After the clients have begun. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly node: string;
  /** The other end of a link. */
  readonly other: string;
  readonly durationMs: number;
  /** 0 to 1: how it is in detail. */
  readonly detail: number;
}

/** The faults of a seed, the first one first. */
export function planFaults(seed: number, names: readonly string[], profile: Profile): Fault[] {
  const random = new SeededRandom(seed * 2 + 2);
  // One disk at most is lost or has damaged records: two are more than is promised.
  const unlucky = random.pick(names);
  let disksLost = 0;
  return Array.from({ length: profile.faults }, (): Fault => {
    const kind = random.pick(profile.faultKinds);
    const isOfDisk = kind === 'damage' || kind === 'lose-disk';
    const node = isOfDisk ? unlucky : random.pick(names);
    const fault = {
      atMs: random.below(profile.durationMs),
      kind,
      node,
      other: random.pick(names),
      durationMs: 1 + random.below(profile.faultMsMax),
      detail: random.fraction(),
    };
    if (kind === 'lose-disk' && disksLost++ > 0) {
      return { ...fault, kind: 'kill', node: random.pick(names) };
    }
    return fault;
  }).sort((left, right) => left.atMs - right.atMs);
}

export function describeFault({ atMs, kind, node, other, durationMs, detail }: Fault): string {
  const link = ['cut', 'reset', 'slow'].includes(kind) ? `${node}>${other}` : node;
  return `at ${atMs} ms ${kind} ${link} for ${durationMs} ms (${detail.toFixed(3)})`;
}

/** Lets faults happen to a cluster, and repairs everything when they are over. */
export class Faults {
  readonly #cluster: SimulatedCluster;
  readonly #keys: readonly Uint8Array[];
  readonly #slow = new Map<string, number>();
  /** What cuts links now: each fault ends its own. */
  readonly #cuts = new Set<() => void>();
  #isOver = false;

  constructor(cluster: SimulatedCluster, keys: readonly Uint8Array[]) {
    this.#cluster = cluster;
    this.#keys = keys;
  }

  /** How much longer frames take now from one node to another. */
  slownessMs(from: string, to: string): number {
    return this.#slow.get(`${from}>${to}`) ?? 0;
  }

  /** Plans them from now on. */
  schedule(faults: readonly Fault[]): void {
    const { time } = this.#cluster;
    const startMs = time.nowMs;
    for (const fault of faults) {
      time.at(startMs + fault.atMs, () => {
        const undo = this.#begin(fault);
        time.at(time.nowMs + fault.durationMs, undo);
      });
    }
  }

  /** Ends them all: links and clocks are right, disks have room, and every node runs. */
  end(): void {
    this.#isOver = true;
    this.#slow.clear();
    this.#cuts.clear();
    this.#cluster.network.heal();
    for (const node of this.#cluster.names) {
      const host = this.#cluster.host(node);
      host.resume();
      host.skewMs = -host.drift * this.#cluster.time.nowMs;
      const { tables, stateFile } = this.#cluster.disk(node);
      tables.isFull = false;
      // A flush that was to fail and has not come yet.
      tables.failFlush(0);
      stateFile.failWrite(0);
      this.boot(node);
    }
  }

  /** Starts a node if it does not run, again and again until that works. */
  boot(node: string): void {
    const { time } = this.#cluster;
    if (!this.#cluster.host(node).isDead) return;
    const { skewMs, drift } = this.#cluster.host(node);
    const booted = this.#cluster.boot(node, this.#isOver ? 0 : skewMs);
    const host = this.#cluster.host(node);
    if (!this.#isOver) host.drift = drift;
    // As when its disk is full: whoever runs it starts it again.
    booted.catch(() => {
      if (host.isDead) return;
      host.kill();
      time.at(time.nowMs + 500, () => this.boot(node));
    });
  }

  /** @returns what ends it. */
  #begin({ kind, node, other, durationMs, detail }: Fault): () => void {
    const { network } = this.#cluster;
    const host = this.#cluster.host(node);
    const boot = () => this.boot(node);
    switch (kind) {
      case 'kill':
        this.#kill(node, detail < 0.5);
        return boot;
      case 'kill-all':
        for (const name of this.#cluster.names) this.#kill(name, detail < 0.5);
        return () => {
          for (const name of this.#cluster.names) this.boot(name);
        };
      case 'lose-disk':
        this.#kill(node, false);
        this.#cluster.wipe(node);
        return boot;
      case 'stop':
        return this.#stop(node);
      case 'pause':
        host.pause();
        return () => host.resume();
      case 'isolate':
        return this.#cut(() => network.isolate(node));
      case 'cut':
        return this.#cut(() => {
          network.cut(node, other);
          if (detail < 0.5) network.cut(other, node);
        });
      case 'reset':
        network.reset(node, other, detail * durationMs);
        return () => undefined;
      case 'slow':
        this.#slow.set(`${node}>${other}`, detail * 400);
        return () => this.#slow.delete(`${node}>${other}`);
      case 'clock':
        host.skewMs += Math.round((detail - 0.5) * (detail < 0.8 ? 1_000 : 100_000));
        return () => {
          host.skewMs = 0;
        };
      case 'io-error':
        return this.#failDisk(node, detail);
      case 'full':
        this.#cluster.disk(node).tables.isFull = true;
        return () => {
          this.#cluster.disk(node).tables.isFull = false;
        };
      case 'damage':
        this.#damage(node, detail);
        return () => undefined;
    }
  }

  #cut(cut: () => void): () => void {
    cut();
    this.#cuts.add(cut);
    return () => {
      if (!this.#cuts.delete(cut)) return;
      this.#cluster.network.heal();
      for (const other of this.#cuts) other();
    };
  }

  #kill(node: string, isFlushingKept: boolean): void {
    if (!this.#cluster.host(node).isDead) this.#cluster.kill(node, isFlushingKept);
  }

  #stop(node: string): () => void {
    if (!this.#cluster.isUp(node)) return () => undefined;
    const host = this.#cluster.host(node);
    // As the process does after 9 s.
    this.#cluster.time.at(this.#cluster.time.nowMs + 9_000, () => {
      if (!host.isDead && this.#cluster.host(node) === host) this.#cluster.kill(node);
      this.boot(node);
    });
    const boot = () => this.boot(node);
    this.#cluster.stopNode(node).then(boot, boot);
    return () => undefined;
  }

  #failDisk(node: string, detail: number): () => void {
    const disk = this.#cluster.disk(node);
    const nth = 1 + Math.floor(detail * 8);
    if (detail < 0.7) disk.tables.failFlush(nth);
    else disk.stateFile.failWrite(nth);
    return () => this.boot(node);
  }

  #damage(node: string, detail: number): void {
    const disk = this.#cluster.disk(node);
    const key = this.#keys[Math.floor(detail * this.#keys.length)];
    const { tables, isFull } = disk.tables;
    if (key === undefined || isFull || tables.state !== 'open') return;
    if (tables.get('data', key) === undefined) return;
    disk.flipRecord(key, 1);
  }
}
