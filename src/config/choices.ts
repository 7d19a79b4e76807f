import { QuorateError } from '../base/quorate-error.ts';
import { type ConsistencyLevel, consistencyLevels } from '../consistency/consistency-level.ts';
import { type RepairMode, repairModes } from '../consistency/repair-mode.ts';
import { partitionerNames } from '../ring/partitioner.ts';

/** Words that a flag takes from a closed list, in any case. */

export { type ConsistencyLevel, consistencyLevels, type RepairMode };

/** @throws QuorateError CONFIGURATION that lists the words. */
export function parseChoice<Word extends string>(
  text: string,
  words: readonly Word[],
  what: string,
): Word {
  const lower = text.toLowerCase();
  const found = words.find((word) => word.toLowerCase() === lower);
  if (found !== undefined) return found;
  const message = `"${text}" is not a ${what}: use one of ${words.join(', ')}`;
  throw new QuorateError('CONFIGURATION', { text }, message);
}

export const parseLevel = (text: string) => parseChoice(text, consistencyLevels, 'level');
export const parseMode = (text: string) => parseChoice(text, repairModes, 'mode');
export const parsePartitioner = (text: string) =>
  parseChoice(text, partitionerNames, 'partitioner');
