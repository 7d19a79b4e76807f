import sortedBtree from 'sorted-btree';
import { assert } from '../base/assert.ts';
import { bytesToMapKey, mapKeyToBytes } from '../base/bytes.ts';
import type { Clock } from '../runtime/clock.ts';
import { GroupCommit } from './group-commit.ts';
import {
  type Change,
  checkChanges,
  collectRange,
  type Entry,
  type RangeSlice,
  type StateListener,
  type TableName,
  type Tables,
  type TablesState,
  tableNames,
} from './tables.ts';

/**
 * Tables in memory, for tests and the simulator: durable here means settled. The flush is handed
 * in, so that a test decides how long it takes and how it fails.
 */
export interface MemoryTablesOptions {
  /** Waits as long as a disk would, and rejects as it would; without it a flush takes no time. */
  readonly flush?: (changes: readonly Change[]) => Promise<void>;
  /** Closed tables, whose contents these take over, as those of a disk that is opened again. */
  readonly from?: MemoryTables;
}

type Maps = ReadonlyMap<TableName, sortedBtree.default<string, Uint8Array>>;

function emptyMaps(): Maps {
  return new Map(tableNames.map((name) => [name, new sortedBtree.default<string, Uint8Array>()]));
}

export class MemoryTables implements Tables {
  readonly #maps: Maps;
  readonly #commits: GroupCommit;

  constructor(components: { readonly clock: Clock }, options: MemoryTablesOptions = {}) {
    this.#maps = options.from === undefined ? emptyMaps() : options.from.#maps;
    const flush = options.flush ?? (() => Promise.resolve());
    this.#commits = new GroupCommit(components, {
      commit: async (changes) => {
        // What they become while the flush is going on is not on its way to the disk.
        const begun = changes.map((change) => ({ ...change }));
        await flush(begun);
        this.#apply(begun);
      },
      probe: () => flush([]),
    });
  }

  get state(): TablesState {
    return this.#commits.state;
  }

  onState(listener: StateListener): void {
    this.#commits.onState(listener);
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const value = this.view(table, key);
    return value === undefined ? undefined : new Uint8Array(value);
  }

  view(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#map(table).get(bytesToMapKey(key));
  }

  range(table: TableName, slice: RangeSlice): readonly Entry[] {
    return collectRange(this, table, slice);
  }

  scan(table: TableName, start: Uint8Array, visit: (entry: Entry) => boolean): void {
    for (const [mapKey, value] of this.#map(table).entries(bytesToMapKey(start))) {
      if (!visit({ key: mapKeyToBytes(mapKey), value: new Uint8Array(value) })) return;
    }
  }

  count(table: TableName): number {
    return this.#map(table).size;
  }

  write(changes: readonly Change[], onBegin?: () => void): Promise<void> {
    checkChanges(changes);
    return this.#commits.write(changes, onBegin);
  }

  writeNow(changes: readonly Change[]): void {
    checkChanges(changes);
    this.#commits.check();
    this.#apply(changes);
  }

  close(): Promise<void> {
    return this.#commits.close();
  }

  #apply(changes: readonly Change[]): void {
    for (const { table, key, value } of changes) {
      const map = this.#map(table);
      if (value === undefined) map.delete(bytesToMapKey(key));
      else map.set(bytesToMapKey(key), new Uint8Array(value));
    }
  }

  #map(table: TableName) {
    const map = this.#maps.get(table);
    assert(map !== undefined, 'every table has its map');
    return map;
  }
}
