import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { QuorateError } from '../../../base/quorate-error.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { Load, LoadOutcome } from './load.ts';
import type { FromThread, ToThread } from './load-thread.ts';

/** How a load is watched and ended. */
export interface LoadOptions {
  readonly signal: AbortSignal;
  /** Called when all clients are connected and calls begin. */
  readonly onBegin?: () => void;
  /** Gets how many calls were made so far, some times a second. */
  readonly onProgress?: (calls: number) => void;
}

/**
 * The threads that make load, so that what shows and controls a benchmark does not slow it: as many
 * as there are processors, or connections if these are fewer.
 */
export class LoadThreads<Subject> {
  readonly #workers: readonly Worker[];

  /** @param main the module of a thread, which calls `serveLoads`. */
  constructor(main: URL, connections: number) {
    const threads = Math.min(connections, availableParallelism());
    this.#workers = Array.from({ length: threads }, () => new Worker(main));
  }

  /**
   * Makes one load, its connections dealt out over the threads.
   *
   * @returns what all came to; of fewer calls if the signal was aborted.
   * @throws QuorateError if a client cannot connect, or if too many calls fail.
   */
  async run(load: Load<Subject>, options: LoadOptions): Promise<LoadOutcome> {
    const shares = shareOut(load, this.#workers.length);
    const tell = (message: ToThread<Subject>) => {
      for (const [index] of shares.entries()) this.#workers[index]?.postMessage(message);
    };
    const stop = () => tell({ kind: 'stop' });
    const calls = shares.map(() => 0);
    let waiting = shares.length;
    const onReady = () => {
      if (--waiting > 0) return;
      options.onBegin?.();
      tell({ kind: 'go' });
    };
    const onProgress = (index: number, sofar: number) => {
      calls[index] = sofar;
      options.onProgress?.(calls.reduce((sum, one) => sum + one, 0));
    };
    options.signal.addEventListener('abort', stop);
    try {
      const outcomes = await Promise.all(
        shares.map((share, index) =>
          runIn(this.#workers[index], share, onReady, (sofar) => onProgress(index, sofar)),
        ),
      );
      return sumOf(outcomes);
    } finally {
      options.signal.removeEventListener('abort', stop);
      stop();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function runIn<Subject>(
  worker: Worker | undefined,
  load: Load<Subject>,
  onReady: () => void,
  onProgress: (calls: number) => void,
): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const listen = (message: FromThread) => {
      if (message.kind === 'ready') return onReady();
      if (message.kind === 'progress') return onProgress(message.calls);
      worker?.off('message', listen);
      worker?.off('error', reject);
      if (message.kind === 'done') resolve(message.outcome);
      else reject(new QuorateError(message.code, {}, message.message));
    };
    worker?.on('message', listen);
    worker?.on('error', reject);
    const prepare: ToThread<Subject> = { kind: 'prepare', load };
    worker?.postMessage(prepare);
  });
}

/** The same load in parts: connections, calls or keys are divided. At most so many parts. */
export function shareOut<Subject>(load: Load<Subject>, threads: number): readonly Load<Subject>[] {
  const parts = Math.min(threads, load.connections);
  const at = (whole: number, index: number) => Math.floor((whole * index) / parts);
  return Array.from({ length: parts }, (_none, index) => {
    const connections = at(load.connections, index + 1) - at(load.connections, index);
    const { pace } = load;
    if (pace.kind === 'open') {
      const perSecond = (pace.perSecond * connections) / load.connections;
      return { ...load, connections, pace: { ...pace, perSecond } };
    }
    if (pace.kind === 'closed') return { ...load, connections };
    const first = at(load.keys, index);
    const keys = at(load.keys, index + 1) - first;
    return { ...load, connections, firstKey: load.firstKey + first, keys };
  });
}

/** What several threads did at the same time. */
export function sumOf(outcomes: readonly LoadOutcome[]): LoadOutcome {
  const sum = (count: (one: LoadOutcome) => number) =>
    outcomes.reduce((total, one) => total + count(one), 0);
  const errors: Record<string, number> = {};
  for (const [code, count] of outcomes.flatMap((one) => Object.entries(one.errors))) {
    errors[code] = (errors[code] ?? 0) + count;
  }
  const tenths = Math.max(0, ...outcomes.map(({ perTenth }) => perTenth.length));
  return {
    calls: sum(({ calls }) => calls),
    wrong: sum(({ wrong }) => wrong),
    errors,
    unsent: sum(({ unsent }) => unsent),
    elapsedMs: Math.max(0, ...outcomes.map(({ elapsedMs }) => elapsedMs)),
    latencies: LatencyHistogram.sum(outcomes.map((one) => one.latencies)).recorded,
    latenciesBefore: LatencyHistogram.sum(outcomes.map((one) => one.latenciesBefore)).recorded,
    latenciesAfter: LatencyHistogram.sum(outcomes.map((one) => one.latenciesAfter)).recorded,
    refusals: LatencyHistogram.sum(outcomes.map((one) => one.refusals)).recorded,
    perTenth: Array.from({ length: tenths }, (_none, tenth) =>
      sum(({ perTenth }) => perTenth[tenth] ?? 0),
    ),
  };
}
