import type { ArgumentsCamelCase, Argv } from 'yargs';
import { QuorateError } from '../../base/quorate-error.ts';
import { parseMode } from '../../config/choices.ts';
import { nodesOfZookeeperFlag } from '../flags.ts';
import { readNumber, readWhole } from '../numbers.ts';
import { readServer } from '../target.ts';

/** The flags of `quorate bench`. Each is bounded, so that a benchmark always ends by itself. */
export function withBenchFlags(yargs: Argv) {
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
    .option('seconds', {
      ...text('2', 'how long each phase takes'),
      coerce: (given: string) => readNumber(given, '--seconds', 0.1, 60),
    })
    .option('rounds', {
      ...text('3', 'how often everything is measured; medians are shown'),
      coerce: (given: string) => readWhole(given, '--rounds', 1, 20),
    })
    .option('in-flight', {
      ...text('1,16,64', 'how many calls are in flight, one number or several'),
      coerce: readInFlights,
    })
    .option('keys', {
      ...text('1000', 'how many keys are used, all over the ring'),
      coerce: (given: string) => readWhole(given, '--keys', 1, 100_000),
    })
    .option('value-bytes', {
      ...text('100', 'how long the values are'),
      coerce: (given: string) => readWhole(given, '--value-bytes', 0, 1024 * 1024),
    })
    .option('output', {
      alias: 'o',
      default: 'table',
      choices: ['table', 'json'],
      type: 'string',
      requiresArg: true,
      describe: 'form of the result on stdout',
    });
}

/** One connection carries no more calls at once. */
const inFlightMax = 256;
const inFlightsMax = 8;

/** What {@link withBenchFlags} reads. */
export interface BenchFlags {
  readonly server: string | undefined;
  readonly zookeeper: string | undefined;
  readonly mode: ReturnType<typeof parseMode>;
  readonly seconds: number;
  readonly rounds: number;
  readonly 'in-flight': readonly number[];
  readonly keys: number;
  readonly 'value-bytes': number;
  readonly output: string;
}

/** The same, as yargs hands it on. */
export type BenchArgs = ArgumentsCamelCase<BenchFlags>;

function text(byDefault: string, describe: string) {
  return { default: byDefault, type: 'string', requiresArg: true, describe } as const;
}

/** Reads numbers with commas between them. @throws QuorateError CONFIGURATION */
export function readInFlights(given: string): readonly number[] {
  const numbers = given.split(',').map((part) => readWhole(part, '--in-flight', 1, inFlightMax));
  const different = [...new Set(numbers)];
  if (different.length <= inFlightsMax) return different;
  const message = `--in-flight ${given} has too many numbers: give ${inFlightsMax} at most`;
  throw new QuorateError('CONFIGURATION', {}, message);
}
