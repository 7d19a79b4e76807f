import { DataDirectory } from '../data-directory/data-directory.ts';
import { metaKeys } from '../data-directory/identity.ts';
import { snapshotBytes } from '../data-directory/snapshot.ts';
import { DirtyTokens } from '../hints/dirty-tokens.ts';
import { type HintLimits, HintStore } from '../hints/hint-store.ts';
import { StateDirtyMarks } from '../hints/state-dirty-marks.ts';
import { marksAfterUncleanStop } from '../hints/unclean-stop.ts';
import type { Ring } from '../ring/ring.ts';
import { noTokens } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import { DurableState } from '../storage/durable-state.ts';
import { DurableStorage } from '../storage/durable-storage.ts';
import { type RebuildProgress, TablesRebuildProgress } from '../transfer/rebuild-progress.ts';
import type { Disk } from './disk.ts';
import { DurablePeerIdentities } from './durable-peer-identities.ts';
import { DurableWriteGuard } from './durable-write-guard.ts';

/**
 * What a node keeps in its data directory, put together: records, hints and the data ids of its
 * peers in tables, and in a small file of its own what must be writable while the disk is full.
 */

/** What opening a disk takes. */
export interface DiskComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly ring: Ring;
}

export interface DiskOptions {
  readonly node: string;
  readonly clusterName: string;
  readonly directory: string;
  /** Begin without data, on purpose. */
  readonly rebuild: boolean;
  /** Take a snapshot for the data, on purpose. */
  readonly restore: boolean;
  readonly limits: HintLimits;
  /** The disk has failed: what it holds is unknown until the process has started again. */
  readonly onFailure: (reason: unknown) => void;
}

/**
 * Opens what a node keeps in its data directory.
 *
 * @throws QuorateError CONFIGURATION if the directory is not whole, or not this node's.
 */
export async function openDisk(components: DiskComponents, options: DiskOptions): Promise<Disk> {
  const { clock, ring } = components;
  const { node, clusterName, limits, onFailure } = options;
  const directory = await DataDirectory.open(components, options.directory, {
    clusterName,
    node,
    rebuild: options.rebuild,
    restore: options.restore,
  });
  const { tables, identity } = directory;
  const state = new DurableState(directory.stateFile, onFailure);
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
    peerIdentities: new DurablePeerIdentities(tables),
    writeGuard,
    ...(directory.isRebuilding && { rebuild: rebuildProgress(directory) }),
    snapshots: {
      write: (path) => directory.writeSnapshot(path, () => state.latest),
      bytesIn: snapshotBytes,
    },
    onRoom: (listener) =>
      tables.onState((tablesState) => {
        if (tablesState !== 'failed') listener(tablesState === 'open');
      }),
    close: async (isClean) => {
      await storage.close();
      await hints.settled();
      await writeGuard.stop(isClean);
      await state.stop();
      await directory.close();
    },
  };
}

function rebuildProgress(directory: DataDirectory): RebuildProgress {
  return new TablesRebuildProgress(directory.tables, {
    key: metaKeys.rebuildProgress,
    finish: () => directory.finishRebuild(),
  });
}

/** After it the tokens are not marked again by the run that follows this one. */
async function markUncleanStop(state: DurableState, dirty: DirtyTokens, ring: Ring): Promise<void> {
  if (state.latest.isClean) return;
  const marks = marksAfterUncleanStop(state.latest.writing, ring);
  await Promise.all([...marks].map(([target, tokens]) => dirty.mark(target, tokens)));
  await state.update((found) => ({ ...found, writing: noTokens }));
}
