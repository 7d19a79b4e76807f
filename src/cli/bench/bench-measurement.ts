import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { say } from '../terminal.ts';
import type { BenchArgs } from './bench-flags.ts';
import { type BenchProgress, formatPhase, formatSample } from './bench-output.ts';
import { type BenchOperation, type BenchPhase, type BenchPlace, paceOf } from './bench-plan.ts';
import type { BenchProcesses, OwnCluster } from './bench-processes.ts';
import { closedPeak, type PhaseSample } from './bench-summary.ts';
import { type KillFigures, killThroughput } from './kill-figures.ts';
import type { BenchSubject, KeyAction } from './load/cluster-load.ts';
import { LatencyHistogram } from './load/latency-histogram.ts';
import type { LoadOutcome, Pace } from './load/load.ts';
import { type LoadOptions, LoadThreads } from './load/load-threads.ts';
import { usageOf } from './node-usage.ts';

/** Code that was just compiled is not what is measured: so long for each operation, or a phase. */
const warmUpMsMax = 1_000;
const warmUpInFlight = 64;
/** How many keys are written or deleted at once, before and after, and how many bytes of values. */
const setUpInFlightMax = 512;
const setUpBytesMax = 4 * 1024 * 1024;

interface WarmUp {
  readonly inFlight: number;
  /** Less for phases of less than a second. */
  readonly durationMs: number;
}

type Scope = Pick<
  BenchArgs,
  | 'seconds'
  | 'connections'
  | 'path'
  | 'coordinators'
  | 'keys'
  | 'distribution'
  | 'valueBytes'
  | 'killNode'
>;

/** Takes the phases of a plan, one after the other, and what comes before and after them. */
export class BenchMeasurement {
  readonly #clock: Clock;
  readonly #progress: BenchProgress;
  readonly #scope: Scope;
  readonly #processes: BenchProcesses;
  readonly #running: readonly string[] | undefined;
  readonly #threads: LoadThreads<BenchSubject>;
  readonly #signal: AbortSignal;

  /** @param running the nodes of a running cluster, as `host:port`, if no own one is measured. */
  constructor(
    components: { readonly clock: Clock; readonly progress: BenchProgress },
    scope: Scope,
    processes: BenchProcesses,
    running: readonly string[] | undefined,
    signal: AbortSignal,
  ) {
    this.#clock = components.clock;
    this.#progress = components.progress;
    this.#scope = scope;
    this.#processes = processes;
    this.#running = running;
    this.#signal = signal;
    const main = new URL('./load/load-main.js', import.meta.url);
    this.#threads = new LoadThreads(main, scope.connections);
  }

  /**
   * @param warmUp for each operation, before the first phase.
   * @returns the samples of all phases, or of those before the signal.
   * @throws QuorateError
   */
  async take(
    phases: readonly BenchPhase[],
    warmUp: WarmUp = { inFlight: warmUpInFlight, durationMs: warmUpMsMax },
  ): Promise<readonly PhaseSample[]> {
    const samples: PhaseSample[] = [];
    const operations = [...new Set(phases.map(({ operation }) => operation))];
    const places = placesOf(operations);
    try {
      for (const place of places) await this.#eachKey(place, 'put', 'writing the keys');
      await this.#warmUp(operations, warmUp);
      for (const [index, phase] of phases.entries()) {
        if (this.#signal.aborted) break;
        const what = formatPhase(phases, index);
        const sample = await this.#takePhase(phase, closedPeak(phases, samples, phase), what);
        if (this.#signal.aborted) break;
        samples.push(sample);
        this.#progress.end(what, formatSample(sample));
      }
      return samples;
    } finally {
      await this.#removeKeys();
      this.#progress.close();
      await this.#threads.close();
    }
  }

  async #warmUp(operations: readonly BenchOperation[], warmUp: WarmUp): Promise<void> {
    const durationMs = Math.min(warmUp.durationMs, this.#scope.seconds * warmUp.durationMs);
    const pace = { kind: 'closed', inFlight: warmUp.inFlight, durationMs } as const;
    for (const operation of operations) {
      if (this.#signal.aborted) return;
      const options = this.#showing(`warming up ${operation.name}`);
      await this.#load(this.#subjectOf(operation), pace, options);
    }
  }

  async #takePhase(
    { operation, intensity }: BenchPhase,
    peak: number,
    what: string,
  ): Promise<PhaseSample> {
    const durationMs = this.#scope.seconds * 1_000;
    const cluster = operation.kind === 'cluster' ? this.#own(operation.place) : undefined;
    const victim = this.#scope.killNode ? cluster : undefined;
    const pids = (operation.kind === 'echo' ? this.#processes.echoPids : cluster?.pids)?.() ?? [];
    const [clientBefore, nodesBefore] = [process.cpuUsage(), usageOf(pids)];
    let killed: Promise<void> | undefined;
    const onBegin = () => {
      if (victim === undefined) return;
      this.#clock.schedule(durationMs / 2, () => {
        killed = victim.killNode();
      });
    };
    const pace = { ...paceOf(intensity, peak), durationMs };
    const options = { ...this.#showing(what), onBegin };
    const outcome = await this.#load(this.#subjectOf(operation), pace, options);
    const client = process.cpuUsage(clientBefore);
    const nodesAfter = victim === undefined ? usageOf(pids) : undefined;
    await killed;
    if (killed !== undefined) await victim?.restartNode();
    return {
      ...sampleOf(outcome),
      perSecondAsked: pace.kind === 'open' ? pace.perSecond : undefined,
      clientCpuMs: (client.user + client.system) / 1_000,
      nodeCpuMs: nodesAfter && nodesBefore && nodesAfter.cpuMs - nodesBefore.cpuMs,
      nodeBytesMax: nodesAfter?.bytesMax,
      nodeOwnBytes: nodesAfter?.ownBytes,
      kill: killed && killOf(outcome, durationMs),
    };
  }

  /** Deletes from a cluster that is not our own what was written to it. */
  async #removeKeys(): Promise<void> {
    if (this.#running === undefined) return;
    try {
      await this.#eachKey('running', 'delete', 'deleting the keys', new AbortController().signal);
    } catch (error: unknown) {
      say(`bench: the keys could not be deleted: ${QuorateError.from(error).message}`);
    }
  }

  async #eachKey(
    place: BenchPlace,
    action: KeyAction,
    what: string,
    signal = this.#signal,
  ): Promise<void> {
    if (signal.aborted) return;
    const subject = {
      kind: 'cluster',
      addresses: this.#addressesOf(place),
      path: 'pipelined',
      level: 'QUORUM',
      actions: [{ action, part: 1 }],
      valueBytes: this.#scope.valueBytes,
    } as const;
    const { keys, valueBytes } = this.#scope;
    const inFlight = Math.max(
      1,
      Math.min(setUpInFlightMax, Math.floor(setUpBytesMax / valueBytes)),
    );
    const line = this.#progress.eachKey(what);
    const onProgress = (calls: number) => line.show(calls, 'keys', calls / keys);
    await this.#load(subject, { kind: 'once', inFlight }, { signal, onProgress }).finally(() =>
      line.close(),
    );
  }

  #showing(what: string): LoadOptions {
    this.#progress.begin(what);
    const onProgress = (calls: number) => this.#progress.begin(what, calls);
    return { signal: this.#signal, onProgress };
  }

  #load(subject: BenchSubject, pace: Pace, options: LoadOptions): Promise<LoadOutcome> {
    const { connections, keys, distribution } = this.#scope;
    const load = { subject, pace, connections, firstKey: 0, keys, distribution };
    return this.#threads.run(load, options);
  }

  #subjectOf(operation: BenchOperation): BenchSubject {
    if (operation.kind === 'echo') return { kind: 'echo', address: this.#processes.echo };
    const { level, place, readShare } = operation;
    const { path, coordinators, valueBytes } = this.#scope;
    const addresses = this.#addressesOf(place);
    const shares = [
      { action: 'get', part: readShare },
      { action: 'put', part: 1 - readShare },
    ] as const;
    return {
      kind: 'cluster',
      addresses: coordinators === 'one' ? addresses.slice(0, 1) : addresses,
      path,
      level,
      actions: shares.filter(({ part }) => part > 0),
      valueBytes,
    };
  }

  #own(place: BenchPlace): OwnCluster | undefined {
    return place === 'running' ? undefined : this.#processes.own[place];
  }

  #addressesOf(place: BenchPlace): readonly string[] {
    return this.#own(place)?.addresses ?? this.#running ?? [];
  }
}

function placesOf(operations: readonly BenchOperation[]): readonly BenchPlace[] {
  const places = operations.flatMap((one) => (one.kind === 'cluster' ? [one.place] : []));
  return [...new Set(places)];
}

/** What a load came to, in figures. */
function sampleOf(outcome: LoadOutcome) {
  const latencies = LatencyHistogram.sum([outcome.latencies]);
  const errors = Object.values(outcome.errors).reduce((sum, count) => sum + count, 0);
  return {
    answers: outcome.calls - outcome.wrong - errors,
    wrong: outcome.wrong,
    errors: outcome.errors,
    unsent: outcome.unsent,
    elapsedMs: outcome.elapsedMs,
    p50Ms: latencies.percentileMs(0.5),
    p99Ms: latencies.percentileMs(0.99),
    p999Ms: latencies.percentileMs(0.999),
    refusalP99Ms: LatencyHistogram.sum([outcome.refusals]).percentileMs(0.99),
  };
}

function killOf(outcome: LoadOutcome, durationMs: number): KillFigures {
  return {
    ...killThroughput(outcome.perTenth, durationMs),
    p99MsBefore: LatencyHistogram.sum([outcome.latenciesBefore]).percentileMs(0.99),
    p99MsAfter: LatencyHistogram.sum([outcome.latenciesAfter]).percentileMs(0.99),
  };
}
