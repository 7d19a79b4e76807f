import { readFileSync } from 'node:fs';
import { QuorateError } from '../base/quorate-error.ts';
import { type NodeAddress, parseReplicas } from '../config/replicas-file.ts';

/**
 * Reads a replicas file.
 *
 * @throws QuorateError CONFIGURATION naming the file, and the line if one is wrong.
 */
export function readReplicas(path: string): readonly NodeAddress[] {
  return parseReplicas(readText(path), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error: unknown) {
    const message = `cannot read the replicas file ${path}: name a file with "name host port" lines`;
    throw new QuorateError('CONFIGURATION', { path }, message, { cause: error });
  }
}
