import { encodeText } from '../base/bytes.ts';
import type { Kept } from '../node/durable-disk.ts';
import type { Clock } from '../runtime/clock.ts';
import { MemoryTables } from '../storage/memory-tables.ts';
import { initialNodeState } from '../storage/node-state.ts';
import { MemoryStateFile } from '../storage/state-file.ts';

/**
 * A data directory in memory, which outlives the runs of its node: what was acknowledged is there
 * after a kill, hints and marks too, in the way that a disk has it.
 */
export class MemoryDirectory {
  // No version is older than the directory, so that its first run need not wait for its clock.
  readonly #stateFile = new MemoryStateFile({ ...initialNodeState, ceiling: 1n });
  #tables: MemoryTables | undefined;

  /** What a run finds; the run before must have closed it. */
  open(clock: Clock): Kept {
    const tables = new MemoryTables({ clock }, { ...(this.#tables && { from: this.#tables }) });
    this.#tables = tables;
    return {
      identity: { dataId: 'memory', isRebuilt: false },
      tables,
      stateFile: this.#stateFile,
      isRebuilding: false,
      rebuildProgressKey: encodeText('rebuild'),
      finishRebuild: () => Promise.resolve(),
      close: () => tables.close(),
    };
  }
}
