import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { QuorateError } from '../base/quorate-error.ts';
import { tokenCount } from '../ring/partitioner.ts';
import { TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { DiskStateFile } from '../storage/disk-state-file.ts';
import { LmdbTables } from '../storage/lmdb-tables.ts';
import type { NodeState } from '../storage/node-state.ts';
import { floorsKey } from '../storage/token-floors.ts';
import { dataFileName, flushFolder, makeFolder, partFileName, stateFileName } from './files.ts';
import { drawDataId, encodeIdentity, type Identity, metaKeys } from './identity.ts';
import { damaged } from './refusal.ts';

/**
 * A copy of a data directory, made while its node serves, and how a node takes it for its data.
 *
 * One node must never vote with an old copy of its data, because it lacks what was acknowledged
 * since. Two things see to that. The identity in a snapshot says that it is one, and no node starts
 * on it unless it is told to restore it. Restoring then makes it other data: it gets an id of its
 * own, which peers refuse that know this node by another, and it forgets the ids of its peers and
 * the floors.
 * So the nodes of a cluster that were all restored accept each other, and those of one that lives
 * on refuse the restored one, however often a snapshot is restored.
 *
 * The snapshots of one cluster are of different moments, so hints may have arrived in between that
 * neither their holder nor their target has. The state of a snapshot is therefore that of a node
 * which ended in the middle of writes to all tokens: the restored nodes copy from each other what
 * they miss.
 */
export interface SnapshotSource {
  readonly identity: Identity;
  readonly tables: LmdbTables;
  /** What the node keeps in its state file, asked for when the copy of the data is complete. */
  readonly state: () => NodeState;
}

/**
 * Writes a snapshot. What is incomplete has names that no node starts on; after an error nothing
 * is left but the directory.
 *
 * @throws QuorateError INVALID_ARGUMENT naming the directory.
 */
export async function writeSnapshot(
  components: { readonly clock: Clock },
  { identity, tables, state }: SnapshotSource,
  directory: string,
): Promise<void> {
  if (!isAbsolute(directory))
    throw refused(directory, 'is no absolute path: name it from the root');
  const part = join(directory, partFileName);
  try {
    makeFolder(directory);
    if (readdirSync(directory).length > 0) throw refused(directory, 'is not empty: name a new one');
    const snapshotMs = components.clock.realtimeMs();
    await tables.copyTo(part);
    await writeIdentity(components, part, { ...identity, snapshotMs });
    DiskStateFile.create(join(directory, stateFileName), identity.dataId, {
      ...state(),
      writing: allTokens,
      isClean: false,
    });
    rmSync(`${part}-lock`, { force: true });
    renameSync(part, join(directory, dataFileName));
    flushFolder(directory);
  } catch (error: unknown) {
    if (error instanceof QuorateError) throw error;
    removeParts(directory);
    const reason = error instanceof Error ? error.message : String(error);
    throw refused(directory, `cannot be written on the machine of the node (${reason})`, error);
  }
}

/** How many bytes a snapshot has by now. */
export function snapshotBytes(directory: string): number {
  const sizes = [partFileName, dataFileName, stateFileName].map(
    (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((sum, size) => sum + size);
}

/**
 * Makes a snapshot the data of its node, in steps that a start after a crash takes again.
 *
 * @returns the identity that it has now.
 * @throws QuorateError CONFIGURATION if its state file is missing.
 */
export async function restoreSnapshot(
  components: { readonly clock: Clock; readonly random: Random },
  directory: string,
  { snapshotMs: _, ...identity }: Identity,
): Promise<Identity> {
  const statePath = join(directory, stateFileName);
  const state = DiskStateFile.salvage(statePath);
  if (state === undefined) throw damaged(directory, `the file ${stateFileName} is missing`);
  const dataId = drawDataId(components.clock.realtimeMs(), components.random);
  const draft = `${statePath}.new`;
  rmSync(draft, { force: true });
  DiskStateFile.create(draft, dataId, state);
  renameSync(draft, statePath);
  flushFolder(directory);
  // Not as a rebuilt one, which the peers of a cluster that lives on would accept.
  const restored = { ...identity, dataId, isRebuilt: false };
  await writeIdentity(components, join(directory, dataFileName), restored);
  return restored;
}

/** Changes whose data a file is, durably, and what it knows of others. */
async function writeIdentity(
  components: { readonly clock: Clock },
  path: string,
  identity: Identity,
): Promise<void> {
  const tables = new LmdbTables(components, path);
  const peers: Uint8Array[] = [];
  tables.scan('meta', metaKeys.peerPrefix, ({ key }) => {
    const isPeer =
      Buffer.compare(key.subarray(0, metaKeys.peerPrefix.length), metaKeys.peerPrefix) === 0;
    if (isPeer) peers.push(key);
    return isPeer;
  });
  try {
    tables.writeNow([
      { table: 'meta', key: metaKeys.identity, value: encodeIdentity(identity) },
      // The floors of snapshots of different moments would contradict each other.
      { table: 'meta', key: floorsKey, value: undefined },
      ...peers.map((key) => ({ table: 'meta', key, value: undefined }) as const),
    ]);
  } finally {
    await tables.close();
  }
}

function removeParts(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of [partFileName, `${partFileName}-lock`, stateFileName]) {
    rmSync(join(directory, name), { force: true });
  }
}

function refused(directory: string, sentence: string, cause?: unknown): QuorateError {
  const details = { field: 'directory', mayHaveApplied: false };
  return new QuorateError('INVALID_ARGUMENT', details, `${directory} ${sentence}`, { cause });
}

const allTokens = TokenSet.of(Array.from({ length: tokenCount }, (_, token) => token));
