/**
 * `npm run simulate`: runs the simulator on many seeds, on all cores, and says what it found.
 *
 *   node scripts/simulate.js --seeds 1000 --from 0   seeds 0 to 999, each twice to compare hashes
 *   node scripts/simulate.js --seeds 1 --from 447 --faults 0,3   one seed with some of its faults
 *
 *   --jobs N   how many at a time; one a core by default
 *   --once     no second run of each seed
 *   --json     the figures as one line of JSON
 *
 * Exits with 1 if a seed fails.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { prepare } from './prepare.js';
import { fail, root } from './process.js';

const { values } = readArgs();
const from = wholeNumber('from', values.from);
const seeds = wholeNumber('seeds', values.seeds);
const jobs = wholeNumber('jobs', values.jobs ?? String(availableParallelism()));
const keptFaults = values.faults
  ?.split(',')
  .filter((text) => text !== '')
  .map((text) => wholeNumber('faults', text));

if (!(await prepare())) process.exit(1);

const startMs = performance.now();
const totals = { seeds: 0, operations: 0, failed: 0 };
const busyMs = [];
let next = from;
await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, (_, job) => runJob(job)));
tell();

function readArgs() {
  try {
    return parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        from: { type: 'string', default: '0' },
        jobs: { type: 'string' },
        faults: { type: 'string' },
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(`${error.message} See the head of scripts/simulate.js.`, 2);
  }
}

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return fail(`--${name} is "${text}": give a whole number.`, 2);
}

/** One worker, which takes the next seed whenever it has finished one. */
function runJob(job) {
  busyMs[job] = 0;
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(root, 'dist', 'test', 'simulation', 'seed-worker.js'));
    const giveNext = () => {
      if (next >= from + seeds) {
        resolve(worker.terminate());
        return;
      }
      worker.postMessage({
        seed: next++,
        isTwice: !values.once,
        isShrunk: true,
        ...(keptFaults !== undefined && { keptFaults }),
      });
    };
    worker.on('message', (report) => {
      busyMs[job] += report.tookMs;
      add(report);
      giveNext();
    });
    worker.on('error', reject);
    giveNext();
  });
}

function add({ seed, operations, problems, faults, keptFaults: kept }) {
  totals.seeds++;
  totals.operations += operations;
  showProgress();
  if (problems.length === 0) return;
  totals.failed++;
  process.exitCode = 1;
  const again = `npm run simulate -- --from ${seed} --seeds 1 --faults=${kept.join(',')}`;
  const lines = [`\nseed ${seed} fails: ${again}`, ...faults, ...problems];
  process.stderr.write(`${lines.join('\n  ')}\n`);
}

function showProgress() {
  if (!process.stderr.isTTY) return;
  const { seeds: done, failed } = totals;
  process.stderr.write(
    `\r${done} of ${seeds} seeds, ${perSecond(done)} a second, ${failed} failed `,
  );
}

function perSecond(count) {
  return Math.round((count * 1_000) / (performance.now() - startMs));
}

function tell() {
  // As if no second run had been made for the hashes.
  const firstRunsMs = Math.max(...busyMs, 1);
  const figures = {
    ...totals,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    seedsPerSecond: Math.round((totals.seeds * 1_000) / firstRunsMs),
    operationsPerSecond: Math.round((totals.operations * 1_000) / firstRunsMs),
    jobs,
  };
  if (values.json) {
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const { operations, failed, seconds } = figures;
  process.stdout.write(
    `${totals.seeds} seeds, ${operations} operations, ${failed} failed, in ${seconds} s; ` +
      `${figures.seedsPerSecond} seeds and ${figures.operationsPerSecond} operations a second` +
      `${values.once ? '' : ' (second runs not counted)'}\n`,
  );
}
