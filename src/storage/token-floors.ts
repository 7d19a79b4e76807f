import { asBuffer, encodeText } from '../base/bytes.ts';
import { laterClock } from '../record/version.ts';
import { FloorClocks, floorsBytes, noFloors } from '../ring/floor-clocks.ts';
import type { Token } from '../ring/partitioner.ts';
import { checksum } from './checksum.ts';
import type { Tables } from './tables.ts';

/**
 * Two clocks for each token of one node, durable in the table `meta`.
 *
 * Below the **seal** nothing changes any more: what is older than it and not held is refused. Below
 * the **floor** tombstones may be gone: a key that is absent is answered with the floor as its
 * version. A floor is never above the seal of any replica of its token, and never goes down; the
 * rounds that see to that are in TombstoneReclaim.
 *
 * Changes are written in the order of the calls, and after all stores that were begun before them.
 * A seal counts from the call on, since to refuse too much does no harm; a floor when it is durable.
 */
export class TokenFloors {
  readonly #tables: Tables;
  #floors: FloorClocks = noFloors;
  #seals: FloorClocks = noFloors;
  /** The floors with those that are on their way to the disk. */
  #newest: FloorClocks = noFloors;

  /** Bytes that are damaged count as none: the peers know that there were floors. */
  constructor(tables: Tables) {
    this.#tables = tables;
    const bytes = tables.get('meta', floorsKey);
    const clocks = bytes?.subarray(checksumBytes);
    if (bytes === undefined || clocks?.length !== 2 * floorsBytes) return;
    if (asBuffer(bytes).readUInt32BE(0) !== checksum(clocks)) return;
    this.#floors = FloorClocks.fromBytes(clocks.subarray(0, floorsBytes));
    this.#seals = FloorClocks.fromBytes(clocks.subarray(floorsBytes));
    this.#newest = this.#floors;
  }

  /**
   * The floors of all tokens, with those that are on their way to the disk, also where it was full:
   * the next write takes them along.
   */
  get newest(): FloorClocks {
    return this.#newest;
  }

  floorOf(token: Token): bigint {
    return this.#floors.of(token);
  }

  sealOf(token: Token): bigint {
    return this.#seals.of(token);
  }

  /**
   * Sets the seals of some tokens. Settles when they are durable.
   *
   * @throws StorageError.
   */
  seal(tokens: Iterable<Token>, clockOf: (token: Token) => bigint): Promise<void> {
    this.#seals = this.#seals.with(tokens, clockOf);
    return this.#write();
  }

  /**
   * Raises the floors of some tokens that are lower. Settles when they are durable.
   *
   * @throws StorageError.
   */
  raise(tokens: Iterable<Token>, clockOf: (token: Token) => bigint): Promise<void> {
    const newest = this.#newest;
    const raised = newest.with(tokens, (token) => laterClock(newest.of(token), clockOf(token)));
    this.#newest = raised;
    return this.#write().then(() => {
      this.#floors = this.#floors.latest(raised);
    });
  }

  #write(): Promise<void> {
    const clocks = Buffer.concat([this.#newest.toBytes(), this.#seals.toBytes()]);
    const value = Buffer.concat([Buffer.alloc(checksumBytes), clocks]);
    value.writeUInt32BE(checksum(clocks));
    return this.#tables.write([{ table: 'meta', key: floorsKey, value }]);
  }
}

const checksumBytes = 4;
/** Where they are in the table `meta`. */
export const floorsKey: Uint8Array = encodeText('floors');
