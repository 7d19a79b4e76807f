import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort, type NodeAddress } from '../config/replicas-file.ts';
import { parseTarget, zookeeperScheme } from '../config/target.ts';
import { parseZookeeper } from '../config/zookeeper-address.ts';

/**
 * Whom a command asks. Three arguments say it, in words that the client's `openClient` takes: a
 * node, or a ZooKeeper that knows the nodes.
 */
export interface TargetArgs {
  /** As `host:port` or `zookeeper://…`. */
  readonly server: string | undefined;
  /** As `zookeeper://…`. */
  readonly zookeeper: string | undefined;
}

export const targetDefault = '127.0.0.1:9090';

/** What the flags name; undefined if they name nothing. */
export function givenTarget({ server, zookeeper }: TargetArgs): string | undefined {
  return zookeeper ?? server;
}

/** What the flags name, or the first node of a cluster on this machine. */
export function targetOf(args: TargetArgs): string {
  return givenTarget(args) ?? targetDefault;
}

/** Reads `--server`; without a default, yargs hands on that there is none. */
export function readServer(text: string | undefined): string | undefined {
  return text === undefined ? undefined : readTarget(text);
}

/** Reads a target and writes it in one form. @throws QuorateError CONFIGURATION */
export function readTarget(text: string): string {
  const target = parseTarget(text);
  return target.kind === 'node' ? target.address : text;
}

/** Reads `--zookeeper` of a client; `--no-zookeeper` is false. */
export function readZookeeperTarget(text: string | false | undefined): string | undefined {
  if (text === undefined || text === false) return undefined;
  parseZookeeper(text);
  return `${zookeeperScheme}${text}`;
}

/** The positional argument of the console, and flags. */
const rivals = ['target', 'server', 'zookeeper'] as const;

/** Of arguments that name a target, drops those of settings that a stronger setting replaces. */
export function withoutRivals<Values extends object>(values: Values, stronger: object): Values {
  if (!rivals.some((name) => name in stronger)) return values;
  const kept = Object.entries(values).filter(([name]) => !rivals.some((rival) => rival === name));
  return Object.fromEntries(kept) as Values;
}

/**
 * The one target that the arguments name. What was typed counts before what settings say.
 *
 * @param words the command line as it was typed.
 * @throws QuorateError CONFIGURATION if there are two.
 */
export function withOneTarget<Args extends Readonly<Record<string, unknown>>>(
  args: Args,
  words: readonly string[],
): Args {
  const given = rivals.filter((name) => args[name] !== undefined);
  if (given.length < 2) return args;
  const typed = given.filter((name) => isTyped(name, words));
  if (typed.length !== 1) {
    const shown = given.map((name) => (name === 'target' ? 'a coordinator' : `--${name}`));
    const message = `${shown.join(' and ')} both say whom to ask: give one of them`;
    throw new QuorateError('CONFIGURATION', {}, message);
  }
  const dropped = given.filter((name) => !typed.includes(name));
  return { ...args, ...Object.fromEntries(dropped.map((name) => [name, undefined])) };
}

/** Settings never give positional arguments. */
function isTyped(name: (typeof rivals)[number], words: readonly string[]): boolean {
  if (name === 'target') return true;
  return words.some(
    (word) =>
      word === `--${name}` ||
      word.startsWith(`--${name}=`) ||
      (name === 'server' && /^-s/.test(word)),
  );
}

/** Why other nodes were left, and which one is asked now. */
export function describeMove(
  left: readonly { readonly node: NodeAddress; readonly error: QuorateError }[],
  to: NodeAddress,
): string {
  const whys = left.map(({ node, error }) => `${nameOf(node)} ${why(error)}`);
  const isSame = left.at(-1)?.node.name === to.name;
  return `${whys.join(', ')}; going through ${nameOf(to)} ${isSame ? 'again' : 'now'}`;
}

/** A node for people. */
export function nameOf(node: NodeAddress): string {
  return `${node.name} at ${formatHostPort(node)}`;
}

function why(error: QuorateError): string {
  switch (error.code) {
    case 'CONNECTION_FAILED':
      return error.mayHaveApplied
        ? 'was lost during a write'
        : `cannot be reached (${error.details['reason']})`;
    case 'NODE_NOT_READY':
      return 'is not ready';
    case 'CLOCK_SKEW':
      return 'has another time than the others';
    case 'READ_TIMEOUT':
      return 'did not answer in time';
    default:
      return error.mayHaveApplied ? 'left a write uncertain' : `failed (${error.code})`;
  }
}
