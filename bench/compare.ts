import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchProcesses, withBenchProcesses } from '../src/cli/bench/bench-processes.ts';
import { LatencyHistogram } from '../src/cli/bench/load/latency-histogram.ts';
import { LoadThreads } from '../src/cli/bench/load/load-threads.ts';
import { usageOf } from '../src/cli/bench/node-usage.ts';
import type { Clock } from '../src/runtime/clock.ts';
import {
  type ComparePhase,
  type CompareSample,
  planCompare,
  rowsOf,
  type Tool,
} from './compare-plan.ts';
import {
  answerBytesMin,
  type CompareSubject,
  type Servers,
  type SubjectName,
  subjectNames,
  subjectOf,
  valueBytes,
  wireCallOf,
} from './compare-subjects.ts';
import { type EtcdCluster, startEtcd } from './etcd-cluster.ts';
import { frameOf, runH2load } from './h2load.ts';

/**
 * A comparison in one run: all servers are up all the time, and each is measured right after the other,
 * so that a machine that drifts takes all of them with it.
 */
export interface CompareOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly inFlights: readonly number[];
  readonly tools: readonly Tool[];
  readonly signal: AbortSignal;
  readonly say: (sentence: string) => void;
}

const connections = 4;
const keys = 1_000;
const warmUpSeconds = 1;

/** Starts all servers, measures the runs, and stops what was started. */
export async function compare(clock: Clock, options: CompareOptions) {
  const { signal, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'quorate-compare-'));
  const etcd = await startEtcd(clock, folder);
  if (typeof etcd === 'string') say(`bench: nothing of etcd is measured: ${etcd}`);
  const own = {
    places: ['disk'],
    mode: 'BOTH',
    nodes: 4,
    valueBytes,
    echo: true,
    isKilling: false,
    say,
    signal,
  } as const;
  try {
    return await withBenchProcesses(clock, own, async (processes) => {
      const comparison = new Comparison(options, processes, etcd, folder);
      return await comparison.measure();
    });
  } finally {
    if (typeof etcd !== 'string') await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

class Comparison {
  readonly #options: CompareOptions;
  readonly #processes: BenchProcesses;
  readonly #etcd: EtcdCluster | string;
  readonly #folder: string;
  readonly #servers: Servers;
  /** One for unary calls on several connections, one for the typed client. */
  readonly #threads: LoadThreads<CompareSubject>;

  constructor(
    options: CompareOptions,
    processes: BenchProcesses,
    etcd: EtcdCluster | string,
    folder: string,
  ) {
    this.#options = options;
    this.#processes = processes;
    this.#etcd = etcd;
    this.#folder = folder;
    this.#servers = {
      echo: processes.echo,
      quorate: processes.own.disk?.addresses ?? [],
      etcd: typeof etcd === 'string' ? '' : etcd.leader,
    };
    this.#threads = new LoadThreads(new URL('./load-main.js', import.meta.url), connections);
  }

  async measure() {
    const { inFlights, tools, runs, seconds, signal, say } = this.#options;
    const phases = planCompare(inFlights, tools);
    const results: (CompareSample | string)[][] = [];
    try {
      await this.#writeKeys();
      for (const phase of phases) {
        if (!signal.aborted) await this.#take(phase, Math.min(warmUpSeconds, seconds));
      }
      for (let run = 1; run <= runs && !signal.aborted; run++) {
        const samples: (CompareSample | string)[] = [];
        results.push(samples);
        for (const phase of phases) {
          if (signal.aborted) break;
          const sample = await this.#take(phase, seconds);
          samples.push(sample);
          say(`bench: run ${run}/${runs}, ${describe(phase)}: ${describeSample(sample)}`);
        }
      }
      return rowsOf(phases, results);
    } finally {
      await this.#threads.close();
    }
  }

  /** Every key has its value everywhere before anything is read. */
  async #writeKeys(): Promise<void> {
    for (const name of ['quorate put QUORUM', 'etcd put'] as const) {
      if (this.#absence(name) !== undefined) continue;
      const subject = subjectOf(name, this.#servers, 'unary');
      await this.#load(subject, connections, { kind: 'once', inFlight: 16 });
    }
  }

  async #take(phase: ComparePhase, seconds: number): Promise<CompareSample | string> {
    const { subject, tool } = phase;
    const absence = this.#absence(subject);
    if (absence !== undefined) return absence;
    const pids = this.#pidsOf(subject);
    const before = usageOf(pids);
    const made =
      tool === 'h2load' ? await this.#h2load(phase, seconds) : await this.#calls(phase, seconds);
    if (typeof made === 'string') return made;
    const after = usageOf(pids);
    const { answers, ...sample } = made;
    const cpuMs = after && before && after.cpuMs - before.cpuMs;
    return { ...sample, serverMicros: cpuMs && (cpuMs * 1_000) / answers };
  }

  async #h2load({ subject, inFlight }: ComparePhase, seconds: number) {
    const { address, path, message } = wireCallOf(subject, this.#servers);
    const bodyFile = join(this.#folder, `${subject.replaceAll(' ', '-')}.bin`);
    writeFileSync(bodyFile, frameOf(message));
    const call = { address, path, bodyFile, connections, inFlight, seconds };
    const result = await runH2load(call);
    if (typeof result === 'string') return result;
    const { callsPerSecond, failed, answerBytes } = result;
    if (answerBytes < answerBytesMin(subject)) return 'h2load got errors for answers';
    const answers = callsPerSecond * seconds;
    return { callsPerSecond, failed, answers, p50Ms: undefined, p99Ms: undefined };
  }

  async #calls({ subject, tool, inFlight }: ComparePhase, seconds: number) {
    const isTyped = tool === 'typed client';
    const outcome = await this.#load(
      subjectOf(subject, this.#servers, isTyped ? 'pipelined' : 'unary'),
      isTyped ? 1 : connections,
      { kind: 'closed', inFlight, durationMs: seconds * 1_000 },
    );
    const latencies = LatencyHistogram.sum([outcome.latencies]);
    const answers = latencies.count;
    return {
      callsPerSecond: (answers * 1_000) / outcome.elapsedMs,
      failed: outcome.calls - answers,
      answers,
      p50Ms: latencies.percentileMs(0.5),
      p99Ms: latencies.percentileMs(0.99),
    };
  }

  #load(
    subject: CompareSubject,
    many: number,
    pace: Parameters<LoadThreads<CompareSubject>['run']>[0]['pace'],
  ) {
    const load = { subject, pace, connections: many, firstKey: 0, keys };
    const { signal } = this.#options;
    return this.#threads.run({ ...load, distribution: 'uniform' }, { signal });
  }

  /** Why this cannot be measured. */
  #absence(subject: SubjectName): string | undefined {
    return subject.startsWith('etcd') && typeof this.#etcd === 'string' ? this.#etcd : undefined;
  }

  #pidsOf(subject: SubjectName): readonly number[] {
    if (subject === 'echo') return this.#processes.echoPids();
    if (subject.startsWith('quorate')) return this.#processes.own.disk?.pids() ?? [];
    return typeof this.#etcd === 'string' ? [] : this.#etcd.pids();
  }
}

const subjectWidth = Math.max(...subjectNames.map(({ length }) => length));

function describe({ tool, inFlight, subject }: ComparePhase): string {
  return `${tool}, ${inFlight} in flight, ${subject.padEnd(subjectWidth)}`;
}

function describeSample(sample: CompareSample | string): string {
  if (typeof sample === 'string') return sample;
  return `${Math.round(sample.callsPerSecond)} calls/s`;
}
