import type { WriteGuard } from '../coordinator/ports.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../hints/dirty-tokens.ts';
import { HintStore, type HintStoreComponents, type HintStoreOptions } from '../hints/hint-store.ts';
import type { PeerIdentities } from '../links/handshake.ts';
import { MemoryStorage } from '../storage/memory-storage.ts';
import { MemoryTables } from '../storage/memory-tables.ts';
import type { Storage } from '../storage/storage.ts';
import { TokenFloors } from '../storage/token-floors.ts';
import type { RebuildProgress } from '../transfer/rebuild-progress.ts';

/** All that a node keeps, on its disk or only while it runs. */
export interface Disk {
  readonly kind: 'memory' | 'durable';
  /** Made with the directory, later ones greater as text; empty in memory. */
  readonly dataId: string;
  /** Whether the directory was made in place of a lost one. */
  readonly isRebuilt: boolean;
  /** No version made before this run has a greater clock; `undefined` if nothing remembers. */
  readonly clockCeiling: bigint | undefined;
  readonly storage: Storage;
  readonly hints: HintStore;
  readonly dirty: DirtyTokens;
  readonly floors: TokenFloors;
  readonly peerIdentities: PeerIdentities;
  readonly writeGuard: WriteGuard;
  /** While the disk does not hold yet what a lost one held. */
  readonly rebuild?: RebuildProgress;
  /** Copies of all that, made while the node serves. */
  readonly snapshots?: Snapshots;
  /** Calls back when the disk is full, and when it has room again. */
  onRoom(listener: (hasRoom: boolean) => void): void;
  /**
   * Ends it after what was asked for is durable.
   *
   * @param isClean whether every write of this node is known to its replicas or kept for them.
   */
  close(isClean: boolean): Promise<void>;
}

/** Writes copies of what a node keeps. */
export interface Snapshots {
  /** See DataDirectory. */
  write(directory: string): Promise<void>;
  /** How many bytes of a copy there are by now. */
  bytesIn(directory: string): number;
}

/** A disk that is memory: a restart loses it all. */
export function memoryDisk(
  components: Pick<HintStoreComponents, 'clock' | 'logger' | 'ring'>,
  options: HintStoreOptions,
): Disk {
  const storage = new MemoryStorage();
  const tables = new MemoryTables(components);
  const dirty = new DirtyTokens(new MemoryDirtyMarks());
  const dataIds = new Map<string, string>();
  return {
    kind: 'memory',
    dataId: '',
    isRebuilt: false,
    clockCeiling: undefined,
    storage,
    hints: new HintStore({ ...components, dirty, tables }, options),
    dirty,
    floors: new TokenFloors(tables),
    peerIdentities: {
      dataIdOf: (node) => dataIds.get(node),
      remember: (node, dataId) => dataIds.set(node, dataId),
    },
    writeGuard: { cover: (_token, _clock, onCovered) => onCovered(true) },
    onRoom: () => undefined,
    close: async () => {
      await storage.close();
      await tables.close();
    },
  };
}
