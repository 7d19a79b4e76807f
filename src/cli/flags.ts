import type { Argv } from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';
import { timeoutMsMax } from '../client/call-times.ts';
import { parseChoice, parseLevel, parsePartitioner } from '../config/choices.ts';
import { parseDuration } from '../config/duration.ts';
import { isNodeName } from '../config/replicas-file.ts';
import { logLevels } from '../runtime/pino-logger.ts';
import { readWhole } from './numbers.ts';
import { readServer, readZookeeperTarget, targetDefault } from './target.ts';

/** Flags that several commands share, with their readers. */

const serverFlag = {
  alias: 's',
  type: 'string',
  requiresArg: true,
  describe: `the node to ask, as host:port [default: ${targetDefault}]`,
  coerce: readServer,
} as const;

/** For those who ask: a ZooKeeper in place of a node. */
export const nodesOfZookeeperFlag = {
  type: 'string',
  requiresArg: true,
  describe: 'ask a node that is registered in ZooKeeper, at host:port[,host:port][/root]',
  coerce: readZookeeperTarget,
} as const;

export const timeoutFlag = {
  default: '2s',
  type: 'string',
  requiresArg: true,
  describe: 'how long to wait, 30s at most',
  coerce: (text: string) => readTimeout(text),
} as const;

/** The forms of an answer. */
const outputForms = ['table', 'json', 'raw'] as const;

export type OutputForm = (typeof outputForms)[number];

const outputFlag = {
  alias: 'o',
  default: 'table',
  type: 'string',
  requiresArg: true,
  describe: 'form of the answer on stdout: table, json or raw',
  coerce: (text: string) => parseChoice(text, outputForms, 'form of output'),
} as const;

const consistencyFlag = {
  alias: 'c',
  default: 'QUORUM',
  type: 'string',
  requiresArg: true,
  describe: 'ONE, TWO, THREE, QUORUM or ALL',
  coerce: parseLevel,
} as const;

const explainFlag = {
  default: false,
  type: 'boolean',
  describe: 'show which replicas said what',
} as const;

/** Flags that say whom to ask, and how long. */
export function withTarget(yargs: Argv) {
  return yargs
    .option('server', serverFlag)
    .option('zookeeper', nodesOfZookeeperFlag)
    .option('timeout', timeoutFlag);
}

/** Flags of the commands that ask a node. */
export function withServer(yargs: Argv) {
  return withTarget(yargs).option('output', outputFlag);
}

/** Flags of the commands that name a key. */
export function withKeyOf(yargs: Argv) {
  return withServer(yargs).positional('key', {
    type: 'string',
    demandOption: true,
    describe: '0 to 255 is the number key, else text; text:63 and hex:00ff say which',
  });
}

/** Flags of the commands that read or write a key. */
export function withKey(yargs: Argv) {
  return withKeyOf(yargs).option('consistency', consistencyFlag).option('explain', explainFlag);
}

/** Where ZooKeeper is. */
export const zookeeperFlag = {
  type: 'string',
  requiresArg: true,
  describe: 'who takes part is told by ZooKeeper, at host:port[,host:port][/root]',
} as const;

/** Flags of a node, which `cluster` hands on. */
export function withNodeSettings(yargs: Argv) {
  return yargs
    .option('partitioner', {
      default: 'byte-ordered',
      type: 'string',
      requiresArg: true,
      describe: 'byte-ordered keeps the order of keys, hash spreads text keys',
      coerce: parsePartitioner,
    })
    .option('replication-factor', {
      default: '3',
      type: 'string',
      requiresArg: true,
      describe: 'how many nodes hold each key',
      coerce: (text: string) => readWhole(text, '--replication-factor', 1, 256),
    })
    .option('cluster-name', {
      default: 'quorate',
      type: 'string',
      requiresArg: true,
      describe: 'nodes of another cluster name are refused',
      coerce: readClusterName,
    })
    .option('hint-limit', {
      type: 'string',
      requiresArg: true,
      describe: 'missed writes kept for one node at most [default: 100000]',
      coerce: (text: string | undefined) =>
        text === undefined ? undefined : readWhole(text, '--hint-limit', 1, 100_000_000),
    })
    .option('tombstone-age', {
      default: '10d',
      type: 'string',
      requiresArg: true,
      describe: 'how long deletes are remembered before they may be forgotten for good',
      coerce: parseDuration,
    })
    .option('startup-window', {
      default: '10s',
      type: 'string',
      requiresArg: true,
      describe: 'how long a new cluster with ZooKeeper waits for all its nodes, 1d at most',
      coerce: readStartupWindow,
    })
    .option('log-level', {
      default: 'info',
      type: 'string',
      requiresArg: true,
      describe: `the least grave events that are logged: ${logLevels.join(', ')}`,
      coerce: (text: string) => parseChoice(text, logLevels, 'log level'),
    });
}

/** What {@link withNodeSettings} reads. */
export interface NodeSettings {
  readonly partitioner: ReturnType<typeof parsePartitioner>;
  readonly replicationFactor: number;
  readonly clusterName: string;
  readonly hintLimit: number | undefined;
  /** In milliseconds. */
  readonly tombstoneAge: number;
  /** In milliseconds. */
  readonly startupWindow: number;
  readonly logLevel: (typeof logLevels)[number];
}

function readTimeout(text: string): number {
  const timeoutMs = parseDuration(text);
  if (timeoutMs <= timeoutMsMax) return timeoutMs;
  const message = `--timeout ${text} is too long: 30s is the most that a node allows`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}

/** Timers of more than 24 days would end at once. */
const startupWindowMsMax = 24 * 60 * 60 * 1_000;

function readStartupWindow(text: string): number {
  const windowMs = parseDuration(text);
  if (windowMs <= startupWindowMsMax) return windowMs;
  const message = `--startup-window ${text} is too long: 1d is the most`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}

function readClusterName(text: string): string {
  if (isNodeName(text)) return text;
  const message = `--cluster-name "${text}" cannot be used: take 1 to 63 of A-Z a-z 0-9 . _ -`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}
