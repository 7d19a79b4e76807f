import { encodeText } from '../../src/base/bytes.ts';
import type { Kept } from '../../src/node/durable-disk.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { type Change, tableNames } from '../../src/storage/tables.ts';
import { PowerCutStateFile } from './power-cut-state-file.ts';
import { PowerCutTables } from './power-cut-tables.ts';

/** How long the next flush of a file takes. */
export type FlushMs = (file: 'tables' | 'state') => number;

/**
 * The disk of a simulated node, tables and state file: what was flushed is there after a kill or a
 * power cut, until it is wiped.
 */
export class SimulatedDisk {
  readonly #clock: Clock;
  readonly #flushMs: FlushMs;
  #power: PowerCutTables;
  #stateFile: PowerCutStateFile;
  #generation = 1;

  /**
   * @param clock does not die with the node.
   * @param flushMs how long each flush takes.
   */
  constructor(clock: Clock, flushMs: FlushMs) {
    this.#clock = clock;
    this.#flushMs = flushMs;
    this.#power = new PowerCutTables(clock, () => flushMs('tables'));
    this.#stateFile = new PowerCutStateFile(clock, () => flushMs('state'));
  }

  get tables(): PowerCutTables {
    return this.#power;
  }

  get stateFile(): PowerCutStateFile {
    return this.#stateFile;
  }

  /** What a node finds when it starts. */
  open(): Kept {
    const { tables } = this.#power;
    const isRebuilt = this.#generation > 1;
    return {
      identity: { dataId: String(this.#generation).padStart(8, '0'), isRebuilt },
      tables,
      stateFile: this.#stateFile,
      isRebuilding: isRebuilt && tables.get('meta', rebuiltKey) === undefined,
      rebuildProgressKey: progressKey,
      finishRebuild: () =>
        tables.write([
          { table: 'meta', key: rebuiltKey, value: new Uint8Array() },
          { table: 'meta', key: progressKey, value: undefined },
        ]),
      close: async () => {
        await tables.close();
        this.#power.cut();
      },
    };
  }

  /**
   * Ends what is under way, as a kill or a power cut does.
   *
   * @param isFlushingKept whether what is being flushed has reached the disk.
   */
  cut(isFlushingKept = false): void {
    this.#power.cut(isFlushingKept);
    this.#stateFile.cut(isFlushingKept);
  }

  /** Another disk takes the place of this one: empty, with a greater id. */
  wipe(): void {
    this.#power = new PowerCutTables(this.#clock, () => this.#flushMs('tables'));
    this.#stateFile = new PowerCutStateFile(this.#clock, () => this.#flushMs('state'));
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

  /** Puts an older state of the whole disk in its place. */
  putBack(contents: readonly Change[]): void {
    this.#power = new PowerCutTables(this.#clock, () => this.#flushMs('tables'));
    this.#power.tables.writeNow(contents);
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
}

const rebuiltKey = encodeText('rebuilt');
const progressKey = encodeText('rebuild-progress');
