/** The command line of `npm run bench:compare`; see {@link help}. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { readChoice, readNumbers } from '../src/cli/bench/bench-flags.ts';
import { readNumber, readWhole } from '../src/cli/numbers.ts';
import { say } from '../src/cli/terminal.ts';
import { SystemClock } from '../src/runtime/system-clock.ts';
import { compare } from './compare.ts';
import { ratiosOf, tools } from './compare-plan.ts';
import { formatCompare } from './compare-report.ts';
import { interruption } from './interruption.ts';

const help = `npm run bench:compare -- [options]: Quorate beside etcd and a bare gRPC server, in one run

  --runs N         how often everything is measured; medians are shown; 5
  --seconds N      how long each is measured; 3
  --in-flight N,N  unary calls in flight on each of 4 connections; 16,64
  --tools A,B      what makes the load: h2load, grpc-js, "typed client"; all
  --json           the result as JSON on stdout

etcd is Debian's etcd-server, h2load its nghttp2-client; what is not installed is said, and left out.
`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    'in-flight': { type: 'string', default: '16,64' },
    tools: { type: 'string', default: tools.join(',') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(help);
else await run();

async function run(): Promise<void> {
  const signal = interruption();
  const options = {
    runs: readWhole(values.runs, '--runs', 1, 20),
    seconds: readNumber(values.seconds, '--seconds', 0.1, 60),
    inFlights: readNumbers(values['in-flight'], '--in-flight', 256),
    tools: values.tools.split(',').map((word) => readChoice(word, tools, '--tools')),
    signal,
    say,
  };
  const rows = (await compare(new SystemClock(), options)) ?? [];
  const ratios = ratiosOf(rows);
  const { runs, seconds } = options;
  if (signal.aborted) process.exitCode = 130;
  const processors = availableParallelism();
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ runs, seconds, nodeVersion: process.version, processors, rows, ratios })}\n`
      : `${formatCompare(rows, ratios)}\n`,
  );
}
