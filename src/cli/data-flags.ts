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
      describe: 'keep data in memory only, as nodes without --data-dir do today',
    });
}

/** What {@link withDataPlace} reads. */
export interface DataPlace {
  readonly dataDir: string | undefined;
  readonly inMemory: boolean;
}

/**
 * The directory of a node, or `undefined` if it keeps its data in memory.
 *
 * @param rebuild whether `--rebuild` was given.
 * @throws QuorateError CONFIGURATION if the flags contradict each other.
 */
export function directoryOf({ dataDir, inMemory }: DataPlace, rebuild = false): string | undefined {
  if (dataDir !== undefined && inMemory) {
    throw refused('--data-dir and --in-memory contradict each other: give one of them');
  }
  if (rebuild && dataDir === undefined) {
    throw refused('--rebuild is for a node with a data directory: name it with --data-dir');
  }
  return dataDir;
}

/** The same for one node of a cluster, as flags: each has a directory of its own name. */
export function dataFlagsOf(place: DataPlace, node: string): readonly string[] {
  const directory = directoryOf(place);
  return [directory === undefined ? '--in-memory' : `--data-dir=${join(directory, node)}`];
}

function readDataDir(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() !== '') return text;
  throw refused('--data-dir is empty: name a directory');
}

function refused(sentence: string): QuorateError {
  return new QuorateError('CONFIGURATION', {}, `${sentence}.`);
}
