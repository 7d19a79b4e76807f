import { join } from 'node:path';
import type { Argv } from 'yargs';
import { QuorateError } from '../base/quorate-error.ts';

/** Where nodes keep their data: the flags of `replica` and `cluster`, and what they mean. */

/** Adds `--data-dir` and `--in-memory`. */
export function withDataPlace<Args>(yargs: Argv<Args>, dataDirHelp: string) {
  return yargs
    .option('data-dir', {
      type: 'string',
      requiresArg: true,
      describe: dataDirHelp,
      coerce: readDataDir,
    })
    .option('in-memory', {
      default: false,
      type: 'boolean',
      describe: 'keep data in memory only: a restart loses it',
    });
}

/** What {@link withDataPlace} reads. */
export interface DataPlace {
  readonly dataDir: string | undefined;
  readonly inMemory: boolean;
}

/** Where nodes keep their data unless told otherwise, each in a folder of its name there. */
const rootDefault = '.quorate';

/**
 * The directory of one node, or `undefined` if it keeps its data in memory.
 *
 * @param begin whether `--rebuild` and `--restore` were given.
 * @throws QuorateError CONFIGURATION if the flags contradict each other.
 */
export function directoryOf(
  place: DataPlace,
  node: string,
  begin: { readonly rebuild?: boolean; readonly restore?: boolean } = {},
): string | undefined {
  const { rebuild = false, restore = false } = begin;
  const { dataDir = join(rootDefault, node), inMemory } = place;
  checkPlace(place);
  if (rebuild && restore) {
    throw refused('--rebuild and --restore contradict each other: give one of them');
  }
  if (restore && inMemory) {
    throw refused('--restore and --in-memory contradict each other: memory has no snapshots');
  }
  if (rebuild && inMemory) {
    throw refused('--rebuild and --in-memory contradict each other: memory has nothing to rebuild');
  }
  return inMemory ? undefined : dataDir;
}

/** The same for one node of a cluster, as flags: each has a directory of its own name. */
export function dataFlagsOf(place: DataPlace, node: string): readonly string[] {
  const { dataDir = rootDefault, inMemory } = place;
  return [inMemory ? '--in-memory' : `--data-dir=${join(dataDir, node)}`];
}

/** What is promised of the data, for a banner. */
export function describePlace(place: DataPlace): string {
  checkPlace(place);
  const { dataDir = rootDefault, inMemory } = place;
  return inMemory
    ? 'in memory; a node that is restarted has lost its copy, and all nodes together lose everything.'
    : `durable, in ${dataDir}; what is acknowledged survives restarts and power cuts.`;
}

function checkPlace({ dataDir, inMemory }: DataPlace): void {
  if (dataDir === undefined || !inMemory) return;
  throw refused('--data-dir and --in-memory contradict each other: give one of them');
}

function readDataDir(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() !== '') return text;
  throw refused('--data-dir is empty: name a directory');
}

function refused(sentence: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, `${sentence}.`);
}
