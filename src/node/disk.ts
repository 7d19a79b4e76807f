import type { WriteGuard } from '../coordinator/ports.ts';
import type { HintLimits, HintStore } from '../hints/hint-store.ts';
import { MemoryHintStore } from '../hints/memory-hint-store.ts';
import type { PeerIdentities } from '../links/handshake.ts';
import type { Partitioner } from '../ring/partitioner.ts';
import type { Clock } from '../runtime/clock.ts';
import { MemoryStorage } from '../storage/memory-storage.ts';
import type { Storage } from '../storage/storage.ts';

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
  readonly peerIdentities: PeerIdentities;
  readonly writeGuard: WriteGuard;
  /** Ends it after what was asked for is durable. */
  close(): Promise<void>;
}

/** A disk that is memory: a restart loses it all. */
export function memoryDisk(
  components: { readonly clock: Clock; readonly partitioner: Partitioner },
  limits: HintLimits,
): Disk {
  const storage = new MemoryStorage();
  const dataIds = new Map<string, string>();
  return {
    kind: 'memory',
    dataId: '',
    isRebuilt: false,
    clockCeiling: undefined,
    storage,
    hints: new MemoryHintStore(components, limits),
    peerIdentities: {
      dataIdOf: (node) => dataIds.get(node),
      remember: (node, dataId) => dataIds.set(node, dataId),
    },
    writeGuard: { cover: (_token, _clock, onCovered) => onCovered(true) },
    close: () => storage.close(),
  };
}
