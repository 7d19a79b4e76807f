/** The command line of `npm run bench:growth`; see {@link help}. */
import { parseArgs } from 'node:util';
import { QuorateError } from '../src/base/quorate-error.ts';
import { readNumbers } from '../src/cli/bench/bench-flags.ts';
import { BenchMeasurement } from '../src/cli/bench/bench-measurement.ts';
import { BenchProgress } from '../src/cli/bench/bench-output.ts';
import { benchOperations, planBench } from '../src/cli/bench/bench-plan.ts';
import { withBenchProcesses } from '../src/cli/bench/bench-processes.ts';
import { summarizeBench } from '../src/cli/bench/bench-summary.ts';
import { readNumber, readWhole } from '../src/cli/numbers.ts';
import { say } from '../src/cli/terminal.ts';
import { SystemClock } from '../src/runtime/system-clock.ts';
import { formatGrowth, type GrowthRow, type GrowthSize, planGrowth } from './growth-plan.ts';
import { interruption } from './interruption.ts';

/** Calls of the typed client that are open. */
const inFlight = 256;
/** Each node runs its code some thousand times before it is compiled well, however many share the calls. */
const warmUpMsPerNode = 1_000;

const help = `npm run bench:growth -- [options]: what calls cost in clusters of other sizes

  --keys N,N         10000,100000,1000000, with 4 nodes and values of 100 bytes
  --nodes N,N        3,4,8,16, with 1,000 keys
  --value-bytes N,N  10,100,1024,16384,65536, with 1,000 keys
  --seconds N        how long gets, and puts, are measured for each; 3
  --rounds N         how often; medians are shown; 1
  --json             the result as JSON on stdout

Own durable clusters, one after the other; QUORUM, the typed client with ${inFlight} calls open, all nodes.
`;

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '10000,100000,1000000' },
    nodes: { type: 'string', default: '3,4,8,16' },
    'value-bytes': { type: 'string', default: '10,100,1024,16384,65536' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(help);
else await run();

async function run(): Promise<void> {
  const signal = interruption();
  const sizes = planGrowth(
    readNumbers(values.keys, '--keys', 10_000_000),
    readNumbers(values.nodes, '--nodes', 16),
    readNumbers(values['value-bytes'], '--value-bytes', 1024 * 1024),
  );
  const seconds = readNumber(values.seconds, '--seconds', 0.1, 60);
  const rounds = readWhole(values.rounds, '--rounds', 1, 20);
  const rows: GrowthRow[] = [];
  for (const size of sizes) {
    if (signal.aborted) break;
    try {
      rows.push(await measure(size, seconds, rounds, signal));
    } catch (error: unknown) {
      // The other sizes are worth having.
      say(`bench: ${QuorateError.from(error).message}`);
      process.exitCode = 1;
    }
  }
  if (signal.aborted) process.exitCode = 130;
  process.stdout.write(`${values.json ? JSON.stringify(rows) : formatGrowth(rows)}\n`);
}

async function measure(
  size: GrowthSize,
  seconds: number,
  rounds: number,
  signal: AbortSignal,
): Promise<GrowthRow> {
  const { keys, nodes, valueBytes } = size;
  say(`bench: ${keys} keys, ${nodes} nodes, ${valueBytes} bytes`);
  const clock = new SystemClock();
  const operations = benchOperations({
    levels: ['QUORUM'],
    readShare: undefined,
    places: ['disk'],
    echo: false,
  });
  const phases = planBench(rounds, [{ kind: 'closed', inFlight }], operations);
  const measured = await withBenchProcesses(
    clock,
    {
      places: ['disk'],
      mode: 'BOTH',
      nodes,
      valueBytes,
      echo: false,
      isKilling: true,
      say,
      // Who listens to it goes with this size.
      signal: AbortSignal.any([signal]),
    },
    async (processes) => {
      const components = { clock, progress: new BenchProgress({ clock, stream: process.stderr }) };
      const scope = {
        seconds,
        connections: 1,
        path: 'pipelined',
        coordinators: 'all',
        keys,
        distribution: 'uniform',
        valueBytes,
        killNode: false,
      } as const;
      const measurement = new BenchMeasurement(components, scope, processes, undefined, signal);
      const warmUp = { inFlight, durationMs: nodes * warmUpMsPerNode };
      const samples = await measurement.take(phases, warmUp);
      if (signal.aborted) return { samples };
      await processes.own.disk?.killNode();
      const killedMs = clock.monotonicMs();
      await processes.own.disk?.restartNode();
      return { samples, startMs: clock.monotonicMs() - killedMs };
    },
  );
  const results = summarizeBench(phases, measured?.samples ?? []);
  return { ...size, results, startMs: measured?.startMs };
}
