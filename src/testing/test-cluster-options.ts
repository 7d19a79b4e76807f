import { QuorateError } from '../base/quorate-error.ts';
import { type RepairMode, repairModes } from '../consistency/repair-mode.ts';

/** How a test cluster is made. */
export interface TestClusterOptions {
  /** How many nodes, 1 to 16; 4 by default. They are called `replica0`, `replica1` and so on. */
  readonly nodes?: number | undefined;
  /**
   * What heals copies that have missed a write: 'READ-REPAIR', 'HINTED-HANDOFF', 'BOTH' or 'NONE';
   * 'BOTH' by default.
   */
  readonly mode?: RepairMode | undefined;
  /**
   * A folder, made if it is missing, where each node keeps its data in a folder of its own name. A
   * later cluster of as many nodes finds it there. Without it the data is in memory.
   */
  readonly dataDirectory?: string | undefined;
}

/** The options with their defaults. */
export interface CheckedOptions {
  readonly names: readonly string[];
  readonly mode: RepairMode;
  readonly dataDirectory: string | undefined;
}

const nodesMax = 16;
const known: readonly string[] = ['nodes', 'mode', 'dataDirectory'];

/** @throws QuorateError INVALID_ARGUMENT that names the option. */
export function checkOptions(options: TestClusterOptions): CheckedOptions {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw invalid(name, `is no option: use ${known.join(', ')}`);
  }
  const { nodes = 4, mode = 'BOTH', dataDirectory } = options;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodesMax) {
    throw invalid('nodes', `is ${nodes}: it may be a whole number from 1 to ${nodesMax}`);
  }
  if (!repairModes.includes(mode)) {
    throw invalid('mode', `is "${mode}": use ${repairModes.join(', ')}`);
  }
  if (dataDirectory === '') throw invalid('dataDirectory', 'is empty: name a folder');
  const names = Array.from({ length: nodes }, (_, index) => `replica${index}`);
  return { names, mode, dataDirectory };
}

/** An argument that is not valid, and why. */
export function invalid(field: string, reason: string): QuorateError {
  return new QuorateError('INVALID_ARGUMENT', { field }, `${field} ${reason}`);
}
