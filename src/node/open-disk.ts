import { DataDirectory } from '../data-directory/data-directory.ts';
import { metaKeys } from '../data-directory/identity.ts';
import { snapshotBytes } from '../data-directory/snapshot.ts';
import type { Random } from '../runtime/random.ts';
import type { Disk } from './disk.ts';
import {
  type DurableDiskComponents,
  type DurableDiskOptions,
  durableDisk,
  type Kept,
} from './durable-disk.ts';

/** A disk in a data directory. */
export interface OpenDiskOptions extends DurableDiskOptions {
  readonly clusterName: string;
  readonly directory: string;
  /** Begin without data, on purpose. */
  readonly rebuild: boolean;
  /** Take a snapshot for the data, on purpose. */
  readonly restore: boolean;
}

/**
 * Opens what a node keeps in its data directory.
 *
 * @throws QuorateError CONFIGURATION if the directory is not whole, or not this node's.
 */
export async function openDisk(
  components: Omit<DurableDiskComponents, 'kept'> & { readonly random: Random },
  options: OpenDiskOptions,
): Promise<Disk> {
  const directory = await DataDirectory.open(components, options.directory, options);
  await directory.belongTo(components.ring.digest());
  const { identity, isRebuilding, stateFile, tables } = directory;
  const kept: Kept = {
    identity,
    isRebuilding,
    stateFile,
    tables,
    rebuildProgressKey: metaKeys.rebuildProgress,
    finishRebuild: () => directory.finishRebuild(),
    snapshotsOf: (state) => ({
      write: (path) => directory.writeSnapshot(path, state),
      bytesIn: snapshotBytes,
    }),
    close: () => directory.close(),
  };
  return durableDisk({ ...components, kept }, options);
}
