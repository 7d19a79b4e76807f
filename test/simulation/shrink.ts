import { type RunOptions, type RunOutcome, runSeed } from './run-seed.ts';

/**
 * Leaves out faults for as long as the run still fails: one at a time, from the last to the first.
 *
 * @returns the indices of those that are needed.
 */
export async function shrinkFaults(options: RunOptions, failed: RunOutcome): Promise<number[]> {
  let kept = options.keptFaults ?? failed.faults.map((_, index) => index);
  for (const index of [...kept].reverse()) {
    const fewer = kept.filter((other) => other !== index);
    const { problems } = await runSeed({ ...options, keptFaults: fewer });
    if (problems.length > 0) kept = fewer;
  }
  return [...kept];
}
