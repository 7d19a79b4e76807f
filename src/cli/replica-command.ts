import { QuorateError } from '../base/quorate-error.ts';
import { parseMode } from '../config/choices.ts';
import { formatHostPort, type NodeAddress } from '../config/replicas-file.ts';
import {
  parseZookeeper,
  parseZookeeperAuth,
  type ZookeeperAddress,
} from '../config/zookeeper-address.ts';
import type { Logger } from '../runtime/logger.ts';
import { PinoLogger } from '../runtime/pino-logger.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { defineCommand } from './command.ts';
import { type DataPlace, directoryOf, withDataPlace } from './data-flags.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { type NodeSettings, withNodeSettings, zookeeperFlag } from './flags.ts';
import { readPort } from './numbers.ts';
import { readReplicas } from './replicas.ts';
import { nodeClock } from './test-clock.ts';

/** `quorate replica`: one node, in the foreground, until a signal stops it. */
export const replicaCommand = defineCommand({
  command: 'replica <name> <port> <replicas-file> <mode>',
  describe: 'Run one node',
  builder: (yargs) =>
    withDataPlace(withNodeSettings(yargs), 'where it keeps its data')
      .positional('name', { type: 'string', demandOption: true, describe: 'its name in the file' })
      .positional('port', {
        type: 'string',
        demandOption: true,
        describe: 'where it listens',
        coerce: readPort,
      })
      .positional('replicas-file', {
        type: 'string',
        demandOption: true,
        describe: 'all nodes, "name host port" a line, the same file for every node',
      })
      .positional('mode', {
        type: 'string',
        demandOption: true,
        describe: 'what heals stale copies: READ-REPAIR, HINTED-HANDOFF, BOTH or NONE',
        coerce: parseMode,
      })
      .option('host', {
        type: 'string',
        requiresArg: true,
        describe: 'where it listens [default: the host of its own line]',
      })
      .option('rebuild', {
        default: false,
        type: 'boolean',
        describe:
          'begin without data and copy it from the other replicas; what is there is kept aside',
      })
      .option('accept-lost-records', {
        default: false,
        type: 'boolean',
        describe:
          'give records that are damaged on several replicas up for the newest that is left of them',
      })
      .option('restore', {
        default: false,
        type: 'boolean',
        describe: 'begin with a snapshot, as every node of a cluster that is restored as a whole',
      })
      .option('zookeeper', {
        ...zookeeperFlag,
        // `--no-zookeeper` is false: a launcher says it, whatever the environment says.
        coerce: (text: string | false | undefined) =>
          text === undefined || text === false ? undefined : parseZookeeper(text),
      })
      .option('zookeeper-auth', {
        type: 'string',
        requiresArg: true,
        describe:
          'user:password that guards what is in ZooKeeper; better in QUORATE_ZOOKEEPER_AUTH',
        coerce: (text: string | undefined) =>
          text === undefined ? undefined : parseZookeeperAuth(text),
      })
      .example('$0 replica replica0 9090 replicas.txt BOTH', 'the first node of replicas.txt')
      .epilogue('It logs to stderr. SIGTERM and Ctrl-C drain it and stop it.'),
  run: (args) => runReplica(args),
});

interface ReplicaArgs extends NodeSettings, DataPlace {
  readonly name: string;
  readonly port: number;
  readonly replicasFile: string;
  readonly mode: ReturnType<typeof parseMode>;
  readonly host: string | undefined;
  readonly rebuild: boolean;
  readonly acceptLostRecords: boolean;
  readonly restore: boolean;
  readonly zookeeper: ZookeeperAddress | undefined;
  readonly zookeeperAuth: string | undefined;
}

async function runReplica(args: ReplicaArgs): Promise<ExitCode> {
  const { name, port } = args;
  const replicas = readReplicas(args.replicasFile);
  const directory = directoryOf(args, args.name, args);
  process.title = `replica ${name} ${port}`;
  const logger = new PinoLogger(process.stderr, { node: name, level: args.logLevel });
  endOnUncaught(logger);
  await serve(args, replicas, directory, logger);
  logger.info('stopped');
  process.exit(exitCodes.ok);
}

/** Runs the node until it is told to stop. */
async function serve(
  args: ReplicaArgs,
  replicas: readonly NodeAddress[],
  directory: string | undefined,
  logger: Logger,
): Promise<void> {
  const { name, port, host, mode, hintLimit } = args;
  let foundOutdated: (sentence: string) => void = () => undefined;
  const outdated = new Promise<QuorateError>((resolve) => {
    foundOutdated = (sentence) => resolve(new QuorateError('CONFIGURATION', {}, sentence));
  });
  // Loaded here: the commands of a client start faster without a server.
  const { QuorateNode } = await import('../node/quorate-node.ts');
  const node = await QuorateNode.open(
    {
      logger,
      clock: nodeClock(),
      onDiskFailure: (reason) => endOnDiskFailure(logger, reason),
      onOutdated: (sentence) => foundOutdated(sentence),
    },
    {
      node: name,
      port,
      ...(host !== undefined && { host }),
      replicas,
      mode,
      clusterName: args.clusterName,
      partitioner: args.partitioner,
      replicationFactor: args.replicationFactor,
      ...(args.zookeeper !== undefined && {
        zookeeper: {
          ...args.zookeeper,
          startupWindowMs: args.startupWindow,
          ...(args.zookeeperAuth !== undefined && { auth: args.zookeeperAuth }),
        },
      }),
      ...(directory !== undefined && {
        dataDirectory: directory,
        rebuild: args.rebuild,
        acceptsLoss: args.acceptLostRecords,
        restore: args.restore,
      }),
      tombstoneAgeMs: args.tombstoneAge,
      ...(hintLimit !== undefined && { hintLimits: { hintsPerTargetMax: hintLimit } }),
    },
  );
  warnOfDifferences(logger, args, replicas);
  if (directory === undefined) logger.info('storage is in memory: a restart loses this copy');
  else logger.info('storage is durable', { directory });
  const toldToStop = stopRequest(logger);
  const toldToEnd = Promise.race([toldToStop, outdated]);
  const started = node.start().then(() => 'started' as const);
  let outcome: unknown = await Promise.race([started, toldToEnd]);
  if (outcome === 'started') {
    logger.info('ready', { address: node.address, pid: process.pid });
    process.send?.({ event: 'ready', node: name, address: node.address });
    outcome = await toldToEnd;
  }
  await stopInTime(node);
  if (outcome instanceof QuorateError) throw outcome;
}

/** Nothing may be acknowledged after the disk has failed, so the process ends at once. */
function endOnDiskFailure(logger: Logger, reason: unknown): void {
  logger.error('the disk has failed: check it, then start the node again', {
    reason: String(reason),
    cause: reason instanceof Error ? String(reason.cause) : undefined,
  });
  process.exit(exitCodes.diskFailure);
}

/** A node that hangs while it stops is ended, so that it is gone within 10 s. */
const stopMsMax = 9_000;

function stopInTime(node: { stop(): Promise<void> }): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = new SystemClock().schedule(stopMsMax, resolve);
    const stopped = node.stop().finally(() => limit.cancel());
    stopped.then(resolve, reject);
  });
}

/** Settles at the first request to stop; a second signal ends the process at once. */
function stopRequest(logger: Logger): Promise<'stop'> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (reason: string, code: number) => {
      if (isStopping) process.exit(code);
      isStopping = true;
      logger.info('stopping', { reason });
      resolve('stop');
    };
    process.on('SIGTERM', () => stop('SIGTERM', 143));
    process.on('SIGINT', () => stop('SIGINT', 130));
    // A launcher that was killed cannot stop its nodes: they notice that the channel has closed.
    if (process.connected) process.on('disconnect', () => stop('the launcher is gone', 1));
    // Listening alone must not keep a node alive that could not start.
    process.channel?.unref();
  });
}

function endOnUncaught(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.error('uncaught exception', { reason: String(error), stack: error.stack });
    process.exit(1);
  });
}

/** Hosts that stand for all addresses of a machine, that of the file among them. */
const everyHost: readonly string[] = ['0.0.0.0', '::'];

function warnOfDifferences(logger: Logger, args: ReplicaArgs, replicas: readonly NodeAddress[]) {
  const own = replicas.find(({ name }) => name === args.name);
  if (own === undefined) return;
  const listening = { host: args.host ?? own.host, port: args.port };
  const isSameHost = listening.host === own.host || everyHost.includes(listening.host);
  if (listening.port === own.port && isSameHost) return;
  logger.warn('listens elsewhere than the replicas file says, where the others look for it', {
    listens: formatHostPort(listening),
    file: formatHostPort(own),
  });
}
