import { encodeText } from '../../src/base/bytes.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../../src/hints/dirty-tokens.ts';
import { HintStore, type HintStoreOptions } from '../../src/hints/hint-store.ts';
import type { PeerIdentities } from '../../src/links/handshake.ts';
import type { Disk } from '../../src/node/disk.ts';
import type { Ring } from '../../src/ring/ring.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { Logger } from '../../src/runtime/logger.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { type Change, tableNames } from '../../src/storage/tables.ts';
import { TablesRebuildProgress } from '../../src/transfer/rebuild-progress.ts';
import { PowerCutTables } from './power-cut-tables.ts';

/**
 * The disk of a simulated node: what was flushed is there after a kill, until it is wiped. It has
 * no state file: the clock's ceiling and the tokens being written go with the process.
 */
export class SimulatedDisk {
  readonly #clock: Clock;
  #dataIds = new Map<string, string>();
  #marks = new MemoryDirtyMarks();
  #power: PowerCutTables;
  #generation = 1;

  /** @param clock does not die with the node. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#power = new PowerCutTables(clock);
  }

  /** What a node finds when it starts. */
  open(
    components: { readonly clock: Clock; readonly logger: Logger; readonly ring: Ring },
    options: HintStoreOptions,
  ): Partial<Disk> {
    const { tables } = this.#power;
    const isRebuilt = this.#generation > 1;
    const isRebuilding = isRebuilt && tables.get('meta', rebuiltKey) === undefined;
    const finish = () =>
      tables.write([
        { table: 'meta', key: rebuiltKey, value: new Uint8Array() },
        { table: 'meta', key: progressKey, value: undefined },
      ]);
    const storage = new DurableStorage(tables);
    const dirty = new DirtyTokens(this.#marks);
    return {
      kind: 'durable',
      dataId: String(this.#generation).padStart(8, '0'),
      isRebuilt,
      storage,
      dirty,
      hints: new HintStore({ ...components, dirty, tables }, options),
      peerIdentities: this.#peerIdentities(),
      close: () => storage.close(),
      ...(isRebuilding && {
        rebuild: new TablesRebuildProgress(tables, { key: progressKey, finish }),
      }),
    };
  }

  /** Ends what is under way, as a kill does. */
  cut(): void {
    this.#power.cut();
  }

  /** Another disk takes the place of this one: empty, with a greater id. */
  wipe(): void {
    this.#power = new PowerCutTables(this.#clock);
    this.#dataIds = new Map();
    this.#marks = new MemoryDirtyMarks();
    this.#generation++;
  }

  /** Flips bits in a record, at an offset from its end: 1 is the last byte of its value. */
  flipRecord(key: Uint8Array, fromEnd: number): void {
    const bytes = this.#record(key);
    const at = bytes.length - fromEnd;
    bytes[at] = (bytes[at] ?? 0) ^ 0x40;
    this.#power.tables.writeNow([{ table: 'data', key, value: bytes }]);
  }

  /** Flips bits in a byte of a key. @returns the key that the record is under now. */
  flipKey(key: Uint8Array, at: number): Uint8Array {
    const value = this.#record(key);
    const flipped = Uint8Array.from(key);
    flipped[at] = (flipped[at] ?? 0) ^ 0x40;
    this.#power.tables.writeNow([
      { table: 'data', key, value: undefined },
      { table: 'data', key: flipped, value },
    ]);
    return flipped;
  }

  /** Everything that is durable. */
  contents(): readonly Change[] {
    return tableNames.flatMap((table) =>
      this.#power.tables
        .range(table, { start: new Uint8Array(), limit: 1_000_000, bytesMax: 1_000_000_000 })
        .map((entry) => ({ table, ...entry })),
    );
  }

  #record(key: Uint8Array): Uint8Array {
    const bytes = this.#power.tables.get('data', key);
    if (bytes === undefined) throw new Error('no such record');
    return bytes;
  }

  #peerIdentities(): PeerIdentities {
    return {
      dataIdOf: (node) => this.#dataIds.get(node),
      remember: (node, dataId) => this.#dataIds.set(node, dataId),
    };
  }
}

const rebuiltKey = encodeText('rebuilt');
const progressKey = encodeText('rebuild-progress');
