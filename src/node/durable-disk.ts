import { DirtyTokens } from '../hints/dirty-tokens.ts';
import { type HintLimits, HintStore } from '../hints/hint-store.ts';
import { StateDirtyMarks } from '../hints/state-dirty-marks.ts';
import { marksAfterUncleanStop } from '../hints/unclean-stop.ts';
import type { Ring } from '../ring/ring.ts';
import { noTokens } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { DurableState } from '../storage/durable-state.ts';
import { DurableStorage } from '../storage/durable-storage.ts';
import type { NodeState } from '../storage/node-state.ts';
import type { StateFile } from '../storage/state-file.ts';
import type { Tables } from '../storage/tables.ts';
import { TokenFloors } from '../storage/token-floors.ts';
import { TablesRebuildProgress } from '../transfer/rebuild-progress.ts';
import type { Disk, Snapshots } from './disk.ts';
import { DurablePeerIdentities } from './durable-peer-identities.ts';
import { DurableWriteGuard } from './durable-write-guard.ts';

/**
 * What a node keeps, put together: records, hints and the data ids of its peers in tables, and in a
 * small file of its own what must be writable while the disk is full. Where tables and file come
 * from is another's concern, so that a simulated disk holds the same in the same way.
 */

/** What a durable disk takes. */
export interface DurableDiskComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly kept: Kept;
}

/** What outlives the process, opened: a data directory, or what stands in for one. */
export interface Kept {
  readonly identity: Pick<Disk, 'dataId' | 'isRebuilt'>;
  readonly tables: Tables;
  readonly stateFile: StateFile;
  /** Whether it does not hold yet what a lost one held. */
  readonly isRebuilding: boolean;
  /** The key in the table `meta` where the progress of a rebuild is kept. */
  readonly rebuildProgressKey: Uint8Array;
  finishRebuild(): Promise<void>;
  /** Makes copies of it, with the state as it is then; `undefined` where there is nothing to copy to. */
  readonly snapshotsOf?: (state: () => NodeState) => Snapshots;
  close(): Promise<void>;
}

export interface DurableDiskOptions {
  readonly node: string;
  readonly limits: HintLimits;
  /** The disk has failed: what it holds is unknown until the process has started again. */
  readonly onFailure: (reason: unknown) => void;
}

/** Makes a disk of what is kept; settles when what an unclean stop left behind is marked. */
export async function durableDisk(
  components: DurableDiskComponents,
  { node, limits, onFailure }: DurableDiskOptions,
): Promise<Disk> {
  const { clock, ring, kept } = components;
  const { tables, identity } = kept;
  const state = new DurableState(kept.stateFile, onFailure);
  const dirty = new DirtyTokens(new StateDirtyMarks(state));
  await markUncleanStop(state, dirty, ring);
  const hints = new HintStore({ ...components, dirty, tables }, { node, limits });
  const storage = new DurableStorage(tables);
  const writeGuard = new DurableWriteGuard({ clock, state });
  tables.onState((tablesState, error) => {
    if (tablesState === 'failed') onFailure(error);
  });
  return {
    kind: 'durable',
    dataId: identity.dataId,
    isRebuilt: identity.isRebuilt,
    // Without a run that is known of, versions may have been made by one that is not.
    clockCeiling: state.durable.ceiling === 0n ? undefined : state.durable.ceiling,
    storage,
    hints,
    dirty,
    floors: new TokenFloors(tables),
    peerIdentities: new DurablePeerIdentities(tables),
    writeGuard,
    ...(kept.isRebuilding && {
      rebuild: new TablesRebuildProgress(tables, {
        key: kept.rebuildProgressKey,
        finish: () => kept.finishRebuild(),
      }),
    }),
    ...(kept.snapshotsOf && { snapshots: kept.snapshotsOf(() => state.latest) }),
    onRoom: (listener) =>
      tables.onState((tablesState) => {
        if (tablesState !== 'failed') listener(tablesState === 'open');
      }),
    close: async (isClean) => {
      await storage.close();
      await hints.settled();
      await writeGuard.stop(isClean);
      await state.stop();
      await kept.close();
    },
  };
}

/** After it the tokens are not marked again by the run that follows this one. */
async function markUncleanStop(state: DurableState, dirty: DirtyTokens, ring: Ring): Promise<void> {
  if (state.latest.isClean) return;
  const marks = marksAfterUncleanStop(state.latest.writing, ring);
  await Promise.all([...marks].map(([target, tokens]) => dirty.mark(target, tokens)));
  await state.update((found) => ({ ...found, writing: noTokens }));
}
