import { join } from 'node:path';
import { decodeText, encodeText } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { formatTime } from '../runtime/format-time.ts';
import type { Random } from '../runtime/random.ts';
import { DiskStateFile } from '../storage/disk-state-file.ts';
import { LmdbTables } from '../storage/lmdb-tables.ts';
import { initialNodeState, type NodeState } from '../storage/node-state.ts';
import type { StateFile } from '../storage/state-file.ts';
import { DirectoryLock } from './directory-lock.ts';
import {
  dataFileName,
  endBeginning,
  firstOtherFile,
  hasContent,
  hasOwnFiles,
  makeFolder,
  moveAside,
  readBeginning,
  stateFileName,
  writeBeginning,
} from './files.ts';
import { drawDataId, encodeIdentity, type Identity, metaKeys } from './identity.ts';
import { probe } from './probe.ts';
import * as refusal from './refusal.ts';
import { restoreSnapshot, writeSnapshot } from './snapshot.ts';

interface Components {
  readonly clock: Clock;
  readonly random: Random;
}

/** Who opens a directory, and how. */
export interface DataDirectoryOptions {
  readonly clusterName: string;
  readonly node: string;
  /** Begin without data on purpose; what is there is moved aside. A rebuild under way goes on. */
  readonly rebuild: boolean;
  /** Take a snapshot for the data, see {@link restoreSnapshot}; by default it is refused. */
  readonly restore?: boolean;
}

interface Opened {
  readonly identity: Identity;
  readonly tables: LmdbTables;
  readonly stateFile: StateFile;
}

/**
 * The directory of one node: its data, its state file, and who may use them. It opens only what is
 * certainly the whole data of this node, of this cluster, and of nobody else at the moment; for
 * anything else it says what it found and what to do, and changes nothing.
 *
 * Data is begun in steps, and a file says so until the last one is durable: a start after a crash
 * in between begins again, since nothing was acknowledged yet.
 *
 *     data.mdb, data.mdb-lock   records, hints, identity        state   see DiskStateFile
 *     lock/                     who uses it, see DirectoryLock  discarded-<time>/   see --rebuild
 */
export class DataDirectory {
  readonly #lock: DirectoryLock;
  readonly #path: string;
  readonly identity: Identity;
  readonly tables: LmdbTables;
  readonly stateFile: StateFile;
  readonly #components: Components;
  #snapshot: Promise<void> | undefined;
  #isRebuilding: boolean;

  private constructor(
    components: Components,
    lock: DirectoryLock,
    path: string,
    { identity, tables, stateFile }: Opened,
  ) {
    this.#components = components;
    this.#lock = lock;
    this.#path = path;
    this.identity = identity;
    this.tables = tables;
    this.stateFile = stateFile;
    this.#isRebuilding = tables.get('meta', metaKeys.rebuilding) !== undefined;
  }

  /**
   * Opens a directory, and makes it where there is none.
   *
   * @throws QuorateError CONFIGURATION that names the directory and the next step.
   */
  static async open(
    components: Components,
    path: string,
    options: DataDirectoryOptions,
  ): Promise<DataDirectory> {
    try {
      makeFolder(path);
      const other = hasOwnFiles(path) ? undefined : firstOtherFile(path);
      if (other !== undefined) throw refusal.otherFiles(path, other);
      const lock = await DirectoryLock.take(path, components);
      if (!(lock instanceof DirectoryLock)) throw refusal.inUse(path, lock.pid);
      try {
        const opened = await openOrBegin(components, path, options);
        return new DataDirectory(components, lock, path, opened);
      } catch (error: unknown) {
        lock.release();
        throw error;
      }
    } catch (error: unknown) {
      if (refusal.refusalReason(error) !== undefined) throw error;
      throw refusal.unusable(path, error);
    }
  }

  /** Whether the data is not complete yet: the node may answer no read and no version query. */
  get isRebuilding(): boolean {
    return this.#isRebuilding;
  }

  /**
   * Notes durably which ring the data belongs to. With another one most keys would be looked for
   * on nodes that never had them, and would seem absent though they were acknowledged.
   *
   * @throws QuorateError CONFIGURATION, and is closed, if the data belongs to another.
   */
  async belongTo(ringDigest: string): Promise<void> {
    const value = this.tables.get('meta', metaKeys.ring);
    if (value === undefined) {
      const note = { table: 'meta', key: metaKeys.ring, value: encodeText(ringDigest) } as const;
      return this.tables.write([note]);
    }
    const found = decodeText(value) ?? '';
    if (found === ringDigest) return;
    await this.close();
    throw refusal.otherRing(this.#path, found, ringDigest);
  }

  /** Notes durably that the data was copied from all other replicas. */
  async finishRebuild(): Promise<void> {
    await this.tables.write([
      { table: 'meta', key: metaKeys.rebuilding, value: undefined },
      { table: 'meta', key: metaKeys.rebuildProgress, value: undefined },
    ]);
    this.#isRebuilding = false;
  }

  /**
   * Writes a snapshot into a directory that is new or empty; it holds all that was durable when
   * this was called. One at a time.
   *
   * @param state what the node kept in its state file when the copy was complete.
   * @throws QuorateError INVALID_ARGUMENT naming the directory, NODE_NOT_READY, OVERLOADED.
   */
  async writeSnapshot(path: string, state: () => NodeState): Promise<void> {
    if (this.#isRebuilding) throw new QuorateError('NODE_NOT_READY', {}, isRebuildingSentence);
    if (this.#snapshot !== undefined) throw new QuorateError('OVERLOADED', {}, isBusySentence);
    const { identity, tables } = this;
    this.#snapshot = writeSnapshot(this.#components, { identity, tables, state }, path);
    try {
      await this.#snapshot;
    } finally {
      this.#snapshot = undefined;
    }
  }

  /** Ends the tables and lets the next process in; a snapshot that is being written is completed. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#snapshot]);
    await this.tables.close();
    await this.stateFile.close();
    this.#lock.release();
  }
}

async function openOrBegin(
  components: Components,
  path: string,
  options: DataDirectoryOptions,
): Promise<Opened> {
  const beginning = readBeginning(path);
  if (beginning !== undefined) {
    checkOwner(path, beginning, options);
    return begin(components, path, {
      ...options,
      rebuild: options.rebuild || beginning.isRebuilding,
    });
  }
  if (!hasOwnFiles(path)) return begin(components, path, options);
  if (!options.rebuild) return openExisting(components, path, options);
  return (await openToRebuild(components, path, options)) ?? begin(components, path, options);
}

/** A rebuild under way, which goes on; `undefined` for anything that a rebuild replaces. */
async function openToRebuild(
  components: Components,
  path: string,
  options: DataDirectoryOptions,
): Promise<Opened | undefined> {
  try {
    const opened = await openExisting(components, path, options);
    if (opened.tables.get('meta', metaKeys.rebuilding) !== undefined) return opened;
    await opened.tables.close();
    await opened.stateFile.close();
  } catch (error: unknown) {
    const reason = refusal.refusalReason(error);
    if (reason === undefined || !replaceable.includes(reason)) throw error;
  }
  return undefined;
}

async function openExisting(
  components: Components,
  path: string,
  options: DataDirectoryOptions,
): Promise<Opened> {
  if (!hasContent(path, dataFileName)) {
    throw refusal.lostIdentity(path, `${dataFileName} is missing or empty`);
  }
  // What is not ours must not be opened for writing, which would add tables to it.
  const { clock } = components;
  const { fault, identity } = await probe(join(path, dataFileName), clock);
  if (fault !== undefined) throw refusal.damaged(path, `${dataFileName} ${fault}`);
  if (identity === undefined) {
    throw refusal.lostIdentity(path, `${dataFileName} does not say whose it is`);
  }
  checkOwner(path, identity, options);
  if (identity.snapshotMs !== undefined) {
    if (options.restore !== true) throw refusal.snapshot(path, formatTime(identity.snapshotMs));
    return openFiles(components, path, await restoreSnapshot(components, path, identity));
  }
  return openFiles(components, path, identity);
}

async function openFiles({ clock }: Components, path: string, identity: Identity): Promise<Opened> {
  const stateFile = await DiskStateFile.open(join(path, stateFileName), identity.dataId);
  if (typeof stateFile === 'string') {
    throw refusal.damaged(path, `the file ${stateFileName} is ${stateFile}`);
  }
  try {
    return { identity, stateFile, tables: new LmdbTables({ clock }, join(path, dataFileName)) };
  } catch (error: unknown) {
    await stateFile.close();
    throw error;
  }
}

/** Begins data that holds nothing, under an id of its own. */
async function begin(
  { clock, random }: Components,
  path: string,
  { clusterName, node, rebuild }: DataDirectoryOptions,
): Promise<Opened> {
  const owner = { cluster: clusterName, node };
  writeBeginning(path, { ...owner, isRebuilding: rebuild });
  // The ceiling and the marks for others count for as long as the name of this node does.
  const state = DiskStateFile.salvage(join(path, stateFileName)) ?? initialNodeState;
  const nowMs = clock.realtimeMs();
  moveAside(path, nowMs);
  const dataId = drawDataId(nowMs, random);
  const identity = { ...owner, dataId, isRebuilt: rebuild, createdMs: nowMs };
  DiskStateFile.create(join(path, stateFileName), dataId, state);
  const stateFile = await DiskStateFile.open(join(path, stateFileName), dataId);
  if (typeof stateFile === 'string') throw new Error(`a new state file is ${stateFile}`);
  const tables = new LmdbTables({ clock }, join(path, dataFileName));
  const mark = { table: 'meta', key: metaKeys.rebuilding, value: encodeText('{}') } as const;
  tables.writeNow([
    { table: 'meta', key: metaKeys.identity, value: encodeIdentity(identity) },
    ...(rebuild ? [mark] : []),
  ]);
  endBeginning(path);
  return { identity, tables, stateFile };
}

function checkOwner(
  path: string,
  found: Pick<Identity, 'cluster' | 'node'>,
  expected: DataDirectoryOptions,
): void {
  if (found.cluster === expected.clusterName && found.node === expected.node) return;
  throw refusal.otherOwner(path, found, expected);
}

/** What a rebuild moves aside and begins anew. */
const replaceable: readonly refusal.RefusalReason[] = ['damaged', 'lost-identity', 'snapshot'];

const isRebuildingSentence =
  'The node rebuilds its data: take the snapshot when `quorate status` says that it is done';
const isBusySentence = 'The node is writing a snapshot already: wait for that one';
