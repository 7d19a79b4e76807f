import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Profile } from '../simulation/profile.ts';
import type { SeedReport, SeedTask } from '../simulation/seed-worker.ts';
import { brokenCopy, removeCopy } from './broken-copy.ts';
import { blindness, type Edit, type Plant, plants, scenarioPlants } from './plants.ts';

/** A bug has to show within so many operations of its scenario. */
const operationsMax = 100_000;

interface Hunt {
  readonly operations: number;
  /** The first seed that shows it; `undefined` if none did. */
  readonly seed: number | undefined;
  readonly problem: string;
}

/** Runs the seeds of a scenario with broken code until one shows it. */
async function hunt(
  name: string,
  edits: readonly Edit[],
  profile: Partial<Profile>,
  limit: number = operationsMax,
): Promise<Hunt> {
  const folder = brokenCopy(name, edits);
  const worker = new Worker(join(folder, 'test', 'simulation', 'seed-worker.js'), {
    stderr: true,
  });
  try {
    let operations = 0;
    for (let seed = 0; operations < limit; seed++) {
      const task = { seed, isTwice: false, isShrunk: false, profile } satisfies SeedTask;
      worker.postMessage(task);
      const [report]: SeedReport[] = await once(worker, 'message');
      assert(report !== undefined);
      operations += report.operations;
      const [problem] = report.problems;
      if (problem !== undefined) return { operations, seed, problem };
      assert.ok(seed < 5_000, 'a scenario without calls');
    }
    return { operations, seed: undefined, problem: '' };
  } finally {
    await worker.terminate();
    removeCopy(folder);
  }
}

function shorten(problem: string): string {
  const line = problem.split('\n')[0] ?? '';
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}

describe('the simulator finds a cluster that', { concurrency: 2 }, () => {
  for (const { name, edits, profile } of plants) {
    it(name, async (context) => {
      const { operations, seed, problem } = await hunt(name, edits, profile);
      assert.notEqual(seed, undefined, `not found in ${operations} operations`);
      assert.doesNotMatch(problem, /broke off/, 'an edit that cannot run shows nothing');
      context.diagnostic(`seed ${seed}, ${operations} operations: ${shorten(problem)}`);
    });
  }
});

describe('a scenario finds a cluster that', () => {
  for (const { name, edits, test } of scenarioPlants) {
    const [file, words] = test;
    it(name, () => {
      const folder = brokenCopy(name, edits);
      // Without it the file would believe that it is run by the runner of this one.
      const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
      const flags = ['--test-reporter=tap', `--test-name-pattern=${words}`];
      const run = spawnSync(process.execPath, [...flags, join(folder, file)], {
        env,
        encoding: 'utf8',
      });
      removeCopy(folder);
      assert.match(run.stdout, new RegExp(`not ok .* - .*${words}`), run.stdout);
    });
  }
});

describe('without its checks the simulator', () => {
  it('finds nothing where a quorum is one answer', async () => {
    const [{ edits, profile }] = plants as readonly [Plant];
    const blind = await hunt('blind', [...edits, ...blindness], profile, 20_000);
    assert.equal(blind.seed, undefined, blind.problem);
  });

  it('finds nothing where there is nothing to find, with them', async () => {
    const [{ profile }] = plants as readonly [Plant];
    const sound = await hunt('sound', [], profile, 20_000);
    assert.equal(sound.seed, undefined, sound.problem);
  });
});
