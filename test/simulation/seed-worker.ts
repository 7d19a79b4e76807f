import { parentPort } from 'node:worker_threads';
import { describeFault } from './faults.ts';
import type { Profile } from './profile.ts';
import { runSeed } from './run-seed.ts';
import { shrinkFaults } from './shrink.ts';

/** Runs the seeds that it is sent, one at a time, and answers with a {@link SeedReport} each. */
export interface SeedTask {
  readonly seed: number;
  /** Whether to run it twice and compare the hashes. */
  readonly isTwice: boolean;
  /** The faults to keep, by index; all without it. */
  readonly keptFaults?: readonly number[];
  /** Whether to find out which faults a failure needs. */
  readonly isShrunk: boolean;
  /** What is to be otherwise than the seed says. */
  readonly profile?: Partial<Profile>;
}

export interface SeedReport {
  readonly seed: number;
  readonly operations: number;
  /** How long the first run took, in milliseconds of real time. */
  readonly tookMs: number;
  readonly problems: readonly string[];
  /** The faults that are needed for the first problem; empty where there is none. */
  readonly faults: readonly string[];
  readonly keptFaults: readonly number[];
}

async function report({ isTwice, isShrunk, ...options }: SeedTask): Promise<SeedReport> {
  const { seed } = options;
  const startMs = performance.now();
  const first = await runSeed(options);
  const tookMs = performance.now() - startMs;
  const problems = [...first.problems];
  if (isTwice) {
    const second = await runSeed(options);
    if (second.hash !== first.hash) problems.push(`two runs differ: ${first.hash}, ${second.hash}`);
  }
  const isToShrink = isShrunk && problems.length > 0;
  const kept = isToShrink ? await shrinkFaults(options, first) : [];
  const needed = first.faults.filter((_, index) => kept.includes(index));
  const { operations } = first;
  const faults = needed.map(describeFault);
  return { seed, operations, tookMs, problems, faults, keptFaults: kept };
}

parentPort?.on('message', (task: SeedTask) => {
  report(task).then(
    (made) => parentPort?.postMessage(made),
    (error: unknown) => {
      const problems = [`the run broke off: ${error instanceof Error ? error.stack : error}`];
      const nothing = { operations: 0, tookMs: 0, faults: [], keptFaults: [] };
      parentPort?.postMessage({ ...nothing, seed: task.seed, problems } satisfies SeedReport);
    },
  );
});
