import type { ArgumentsCamelCase, Argv } from 'yargs';
import { QuorateError } from '../../base/quorate-error.ts';
import { consistencyLevels, parseChoice, parseMode } from '../../config/choices.ts';
import { nodesOfZookeeperFlag } from '../flags.ts';
import { readNumber, readWhole } from '../numbers.ts';
import { readServer } from '../target.ts';
import type { BenchIntensity, OpenIntensity } from './bench-plan.ts';
import { ownPlaces } from './bench-processes.ts';
import { paths, unaryInFlightMax } from './load/cluster-load.ts';
import { distributions } from './load/key-choice.ts';

/** The flags of `quorate bench`. Each is bounded, so that a benchmark always ends by itself. */
export function withBenchFlags(yargs: Argv) {
  return withLoadFlags(withScopeFlags(yargs))
    .option('output', {
      ...text('table', 'form of the result on stdout: table or json'),
      alias: 'o',
      coerce: (given: string) => readChoice(given, ['table', 'json'], '--output'),
    })
    .option('json', { type: 'boolean', default: false, describe: 'the same as --output json' });
}

/** What is measured. */
function withScopeFlags(yargs: Argv) {
  return yargs
    .option('server', {
      alias: 's',
      type: 'string',
      requiresArg: true,
      describe: 'measure this node of a running cluster, as host:port [default: an own cluster]',
      coerce: readServer,
    })
    .option('zookeeper', nodesOfZookeeperFlag)
    .option('mode', {
      ...text('BOTH', 'the mode of the own cluster'),
      coerce: parseMode,
    })
    .option('storage', {
      ...text('memory,disk', 'where own clusters keep their data'),
      coerce: (given: string) =>
        different(given.split(',').map((word) => readChoice(word, ownPlaces, '--storage'))),
    })
    .option('nodes', {
      ...text('4', 'how many nodes own clusters have'),
      coerce: (given: string) => readWhole(given, '--nodes', 3, 16),
    })
    .option('seconds', {
      ...text('2', 'how long each phase takes'),
      coerce: (given: string) => readNumber(given, '--seconds', 0.1, 600),
    })
    .option('rounds', {
      ...text('3', 'how often everything is measured; medians are shown'),
      coerce: (given: string) => readWhole(given, '--rounds', 1, 20),
    })
    .option('levels', {
      ...text('ONE,QUORUM', 'the levels of gets and puts, one or several'),
      coerce: (given: string) =>
        different(given.split(',').map((word) => readChoice(word, consistencyLevels, '--levels'))),
    })
    .option('read-share', {
      type: 'string',
      requiresArg: true,
      describe:
        'mixes: this part of the calls are gets, from 0 to 1 [default: gets and puts apart]',
      coerce: (given: string | undefined) =>
        given === undefined ? undefined : readNumber(given, '--read-share', 0, 1),
    })
    .option('echo', {
      type: 'boolean',
      default: true,
      describe: 'measures a bare gRPC call beside each phase; --no-echo leaves it out',
    })
    .option('kill-node', {
      type: 'boolean',
      default: false,
      describe: 'kills a node of the own cluster half-way through each phase',
    });
}

/** How the load is made. */
function withLoadFlags<Args>(yargs: Argv<Args>) {
  return yargs
    .option('in-flight', {
      type: 'string',
      requiresArg: true,
      describe: `how many calls wait for answers on each connection, one number or several [default: ${inFlightDefault}]`,
      coerce: readInFlights,
    })
    .option('rate', {
      type: 'string',
      requiresArg: true,
      describe:
        'makes so many calls a second, one number or several, whatever has been answered; 150% of what --in-flight gave just before',
      coerce: (given: string | undefined) => (given === undefined ? undefined : readRates(given)),
    })
    .option('connections', {
      ...text('1', 'how many clients make the load'),
      coerce: (given: string) => readWhole(given, '--connections', 1, 64),
    })
    .option('path', {
      ...text('unary', 'how calls travel: unary, or pipelined by the typed client'),
      coerce: (given: string) => readChoice(given, paths, '--path'),
    })
    .option('coordinators', {
      ...text('one', 'which nodes are called: one or all'),
      coerce: (given: string) => readChoice(given, ['one', 'all'], '--coordinators'),
    })
    .option('keys', {
      ...text('1000', 'how many keys are used, all over the ring'),
      coerce: (given: string) => readWhole(given, '--keys', 1, 10_000_000),
    })
    .option('distribution', {
      ...text('uniform', 'how keys are chosen: uniform, or zipf, some much more often'),
      coerce: (given: string) => readChoice(given, distributions, '--distribution'),
    })
    .option('value-bytes', {
      ...text('100', 'how long the values are'),
      alias: 'value-size',
      coerce: (given: string) => readWhole(given, '--value-bytes', 0, 1024 * 1024),
    });
}

const inFlightMax = 16_384;
const inFlightDefault = '1,16,64';
const rateMax = 1_000_000;
const percentMax = 1_000;
const numbersMax = 8;
/** Half of a phase must hold what comes 2 s after a node was killed. */
const killSecondsMin = 6;

/** What {@link withBenchFlags} reads. */
type ValuesOf<Y> = Y extends Argv<infer Values> ? Values : never;

export type BenchFlags = ValuesOf<ReturnType<typeof withBenchFlags>>;

/** The same, as yargs hands it on. */
export type BenchArgs = ArgumentsCamelCase<BenchFlags>;

function text(byDefault: string, describe: string) {
  return { default: byDefault, type: 'string', requiresArg: true, describe } as const;
}

function readInFlights(given: string | undefined): readonly number[] | undefined {
  return given === undefined ? undefined : readNumbers(given, '--in-flight', inFlightMax);
}

/** Reads a word of a closed list. @throws QuorateError CONFIGURATION */
export function readChoice<Word extends string>(
  given: string,
  words: readonly Word[],
  flag: string,
): Word {
  return parseChoice(given, words, `value for ${flag}`);
}

/** Reads whole numbers with commas between them. @throws QuorateError CONFIGURATION */
export function readNumbers(given: string, flag: string, max: number): readonly number[] {
  return partsOf(given, flag).map((part) => readWhole(part, flag, 1, max));
}

/** Reads calls a second, or percents of what was possible. @throws QuorateError CONFIGURATION */
export function readRates(given: string): readonly OpenIntensity[] {
  return partsOf(given, '--rate').map((part) =>
    part.endsWith('%')
      ? { kind: 'share', ofClosed: readWhole(part.slice(0, -1), '--rate', 1, percentMax) / 100 }
      : { kind: 'open', perSecond: readWhole(part, '--rate', 1, rateMax) },
  );
}

function partsOf(given: string, flag: string): readonly string[] {
  const parts = different(given.split(','));
  if (parts.length <= numbersMax) return parts;
  throw refused(`${flag} ${given} has too many numbers: give ${numbersMax} at most`);
}

/**
 * How hard to load, one after the other.
 *
 * @throws QuorateError CONFIGURATION if flags exclude each other.
 */
export function readIntensities(
  flags: Pick<
    BenchArgs,
    'inFlight' | 'rate' | 'path' | 'killNode' | 'seconds' | 'server' | 'zookeeper'
  >,
): readonly BenchIntensity[] {
  const { inFlight, rate, path, killNode, seconds } = flags;
  if (killNode && (flags.server ?? flags.zookeeper) !== undefined) {
    throw refused('--kill-node is for an own cluster: leave out --server and --zookeeper');
  }
  if (killNode && seconds < killSecondsMin) {
    throw refused(`--kill-node needs --seconds ${killSecondsMin} or more`);
  }
  const isRelative = rate?.some(({ kind }) => kind === 'share');
  if (rate !== undefined && inFlight !== undefined && !isRelative) {
    throw refused('--rate and --in-flight both say how hard to load: give one of them');
  }
  if (rate !== undefined && !isRelative) return rate;
  const closed = inFlight ?? readNumbers(inFlightDefault, '--in-flight', inFlightMax);
  const most = Math.max(...closed);
  if (path === 'unary' && most > unaryInFlightMax) {
    throw refused(
      `--in-flight ${most} is more than a connection carries, ${unaryInFlightMax}: give more --connections, or --path pipelined`,
    );
  }
  return [...closed.map((each) => ({ kind: 'closed', inFlight: each }) as const), ...(rate ?? [])];
}

function different<Item>(items: readonly Item[]): readonly Item[] {
  return [...new Set(items)];
}

function refused(message: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, message);
}
