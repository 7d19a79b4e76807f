/** The command line of `npm run nemesis`; see {@link help}. */
import { parseArgs } from 'node:util';
import { type FaultKind, faultKinds } from './faults.ts';
import { formatReport, problemsOf } from './report.ts';
import { runNemesis } from './run-nemesis.ts';

const help = `npm run nemesis -- [options]: real nodes, real faults, and a check of all that clients saw

  --minutes N    how long faults go on; 5
  --seed N       what is drawn follows from it; 1
  --rate N       calls a second; 2000
  --plain        unary calls of single nodes instead of the published client
  --zookeeper    membership in a ZooKeeper, which is killed too
  --rolling      restart all nodes in turn before the faults
  --in-memory    nodes without disks, three of them killed at once: must find violations
  --json         the report as JSON on stdout

It ends with 1 if a promise was broken, a call was lost in the rolling restart, or less than 99.9 %
of the calls at QUORUM succeeded while a node was faulty.
`;

const successPercentMin = 99.9;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '2000' },
    plain: { type: 'boolean', default: false },
    zookeeper: { type: 'boolean', default: false },
    rolling: { type: 'boolean', default: false },
    'in-memory': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(help);
else await run();

async function run(): Promise<void> {
  const isDurable = !values['in-memory'];
  const usual: readonly FaultKind[] = values.zookeeper
    ? [...faultKinds, 'ZooKeeper kill']
    : faultKinds;
  const report = await runNemesis({
    seed: number('seed'),
    durationMs: number('minutes') * 60_000,
    rate: number('rate'),
    warmUpMs: 10_000,
    faultMs: [3_000, 6_000],
    quietMs: [2_000, 4_000],
    client: values.plain ? 'plain' : 'typed',
    zookeeper: values.zookeeper,
    rolling: values.rolling,
    isDurable,
    faults: isDurable ? usual : ['kill three'],
    log: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : formatReport(report));
  const problems = problemsOf(report, successPercentMin);
  for (const problem of problems) process.stderr.write(`nemesis: ${problem}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

function number(name: 'minutes' | 'seed' | 'rate'): number {
  const value = Number(values[name]);
  if (value > 0) return value;
  process.stderr.write(`nemesis: --${name} is a number over 0\n`);
  process.exit(2);
}
