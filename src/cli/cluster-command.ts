import { parseMode } from '../config/choices.ts';
import { parseZookeeper } from '../config/zookeeper-address.ts';
import { formatLogLine } from '../runtime/pino-logger.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { banner } from './cluster/banner.ts';
import { chooseZookeeper } from './cluster/cluster-zookeeper.ts';
import { checkPorts } from './cluster/free-ports.ts';
import { Keyboard } from './cluster/keyboard.ts';
import { LocalCluster } from './cluster/local-cluster.ts';
import { defineCommand } from './command.ts';
import { type DataPlace, dataFlagsOf, describePlace, withDataPlace } from './data-flags.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { type NodeSettings, withNodeSettings, zookeeperFlag } from './flags.ts';
import { readReplicas } from './replicas.ts';
import { type Colour, paintFor, print, say } from './terminal.ts';

/** `quorate cluster`: all nodes of a replicas file on this machine, one process each. */
export const clusterCommand = defineCommand({
  command: 'cluster',
  describe: 'Run all nodes of a replicas file on this machine',
  builder: (yargs) =>
    withDataPlace(
      withNodeSettings(yargs),
      'where the nodes keep their data, each in a folder of its name there',
    )
      .option('replicas', {
        default: 'replicas.txt',
        type: 'string',
        requiresArg: true,
        describe: 'the nodes, "name host port" a line',
      })
      .option('mode', {
        default: 'BOTH',
        type: 'string',
        requiresArg: true,
        describe: 'what heals stale copies: READ-REPAIR, HINTED-HANDOFF, BOTH or NONE',
        coerce: parseMode,
      })
      .option('restart', {
        default: false,
        type: 'boolean',
        describe: 'start nodes that ended again',
      })
      .option('zookeeper', {
        type: 'string',
        requiresArg: true,
        describe: `${zookeeperFlag.describe}; --no-zookeeper uses none [default: one that is found on this machine]`,
        coerce: readZookeeper,
      })
      .example('$0 cluster', 'the four nodes of replicas.txt')
      .example('$0 cluster --mode READ-REPAIR --restart', 'another mode; nodes come back')
      .epilogue('While it runs, type help. Ctrl-C stops everything that it started.'),
  run: (args) => runCluster(args),
});

interface ClusterArgs extends NodeSettings, DataPlace {
  readonly replicas: string;
  readonly mode: ReturnType<typeof parseMode>;
  readonly restart: boolean;
  readonly zookeeper: string | false | undefined;
}

async function runCluster(args: ClusterArgs): Promise<ExitCode> {
  const replicas = readReplicas(args.replicas);
  const storage = describePlace(args);
  const toldToStop = stopRequest();
  await checkPorts(replicas, args.replicas);
  const width = Math.max(...replicas.map(({ name }) => name.length));
  const tell = (sentence: string) => say(paintFor(process.stderr, `cluster: ${sentence}`, 'bold'));
  const clock = new SystemClock();
  const zookeeper = await chooseZookeeper(clock, args.zookeeper, tell);
  const cluster = new LocalCluster(
    { clock },
    {
      replicas,
      restarts: args.restart,
      argsOf: ({ name, port }) => nodeArgs(args, name, port, zookeeper.address),
      onLine: (node, line) => sayLine(node.padEnd(width), line, replicas),
      say: tell,
    },
  );
  let keyboard: Keyboard | undefined;
  try {
    tell(`starting ${replicas.length} nodes of ${args.replicas}`);
    const outcome = await Promise.race([cluster.start(), toldToStop]);
    if (outcome !== 'stop') {
      for (const line of banner(replicas, args.mode, { membership: zookeeper.sentence, storage }))
        print(line);
      keyboard = new Keyboard(cluster, tell);
      await toldToStop;
    }
    tell('stopping all nodes');
    return exitCodes.ok;
  } finally {
    keyboard?.close();
    await cluster.stop();
    await zookeeper.stop();
  }
}

/** The command line of a node of this cluster. */
function nodeArgs(
  args: ClusterArgs,
  name: string,
  port: number,
  zookeeper: string | undefined,
): readonly string[] {
  const { hintLimit } = args;
  return [
    'replica',
    name,
    String(port),
    args.replicas,
    args.mode,
    `--partitioner=${args.partitioner}`,
    `--replication-factor=${args.replicationFactor}`,
    `--cluster-name=${args.clusterName}`,
    `--log-level=${args.logLevel}`,
    `--startup-window=${args.startupWindow}ms`,
    `--tombstone-age=${args.tombstoneAge}ms`,
    ...dataFlagsOf(args, name),
    ...(hintLimit === undefined ? [] : [`--hint-limit=${hintLimit}`]),
    // Said in any case: nodes would take what the environment of the launcher names.
    zookeeper === undefined ? '--no-zookeeper' : `--zookeeper=${zookeeper}`,
  ];
}

/** Checks the address before any node gets it. */
function readZookeeper(wanted: string | false | undefined): string | false | undefined {
  if (typeof wanted === 'string') parseZookeeper(wanted);
  return wanted;
}

const nodeColours: readonly Colour[] = ['green', 'yellow', 'grey', 'red'];

function sayLine(
  prefix: string,
  line: string,
  replicas: readonly { readonly name: string }[],
): void {
  const index = replicas.findIndex(({ name }) => name === prefix.trimEnd());
  const colour = nodeColours[index % nodeColours.length] ?? 'grey';
  const isColoured = process.stderr.isTTY === true && !process.env['NO_COLOR'];
  const readable = formatLogLine(line, isColoured)?.trimEnd() ?? line;
  say(`${paintFor(process.stderr, prefix, colour)} | ${readable}`);
}

/** Settles at the first request to stop; nodes stop by themselves if a second one ends us. */
function stopRequest(): Promise<'stop'> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (code: number) => {
      if (isStopping) process.exit(code);
      isStopping = true;
      resolve('stop');
    };
    process.on('SIGINT', () => stop(130));
    process.on('SIGTERM', () => stop(143));
    process.on('SIGHUP', () => stop(129));
  });
}
