/**
 * A node's state in a small file that has its full size from the start, so that a disk without
 * space still takes a change. Two slots are written in turn, each with a number, the data it
 * belongs to, and a checksum over all of that: a write that a power cut tore leaves the other
 * slot, which is the state before it. Slots begin on pages of their own, so that a torn write
 * cannot reach the other one.
 *
 * On a file system that never writes in place (btrfs, ZFS) a full disk may still refuse.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { assert } from '../base/assert.ts';
import { asBuffer, formatHex } from '../base/bytes.ts';
import { checksum } from './checksum.ts';
import { decodeNodeState, encodeNodeState, type NodeState } from './node-state.ts';
import type { StateFile } from './state-file.ts';

const slotBytes = 32 * 1024;
const magic = 0x31_54_53_51;
/** magic u32, crc32c of all after it u32, sequence u64, data id 16 bytes, payload length u32. */
const headerBytes = 4 + 4 + 8 + 16 + 4;

interface Slot {
  readonly sequence: bigint;
  readonly dataId: string;
  readonly state: NodeState;
}

/** Why a state file cannot be used. */
type StateFileFault = 'missing' | 'damaged' | 'of-other-data';

export class DiskStateFile implements StateFile {
  readonly #handle: FileHandle;
  readonly #dataId: string;
  #sequence: bigint;
  #state: NodeState;

  private constructor(handle: FileHandle, { sequence, dataId, state }: Slot) {
    this.#handle = handle;
    this.#dataId = dataId;
    this.#sequence = sequence;
    this.#state = state;
  }

  /** Makes the file; it is durable when this returns, its name when its folder is flushed. */
  static create(path: string, dataId: string, state: NodeState): void {
    const bytes = Buffer.alloc(2 * slotBytes);
    bytes.set(encodeSlot({ sequence: 2n, dataId, state }));
    const descriptor = openSync(path, 'wx');
    try {
      for (let offset = 0; offset < bytes.length; ) {
        offset += writeSync(descriptor, bytes, offset);
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Opens the file that belongs to some data, or says what is wrong with it. */
  static async open(path: string, dataId: string): Promise<DiskStateFile | StateFileFault> {
    const newest = readNewest(path);
    if (typeof newest === 'string') return newest;
    if (newest.dataId !== dataId) return 'of-other-data';
    return new DiskStateFile(await open(path, 'r+'), newest);
  }

  /** The state in a file, whatever data it belongs to, if one can be read. */
  static salvage(path: string): NodeState | undefined {
    const newest = readNewest(path);
    return typeof newest === 'string' ? undefined : newest.state;
  }

  read(): NodeState {
    return this.#state;
  }

  async write(state: NodeState): Promise<void> {
    const sequence = this.#sequence + 1n;
    const bytes = encodeSlot({ sequence, dataId: this.#dataId, state });
    const position = Number(sequence % 2n) * slotBytes;
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, position);
    if (bytesWritten !== bytes.length) throw new Error('the disk took only a part of the state');
    await this.#handle.datasync();
    this.#sequence = sequence;
    this.#state = state;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function encodeSlot({ sequence, dataId, state }: Slot): Buffer {
  const payload = encodeNodeState(state);
  assert(headerBytes + payload.length <= slotBytes, 'a state fits into its slot');
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeBigUInt64LE(sequence, 8);
  bytes.write(dataId, 16, 'hex');
  bytes.writeUInt32LE(payload.length, 32);
  bytes.set(payload, headerBytes);
  bytes.writeUInt32LE(checksum(bytes.subarray(8)), 4);
  return bytes;
}

function decodeSlot(slot: Uint8Array): Slot | undefined {
  const buffer = asBuffer(slot);
  if (buffer.length < headerBytes || buffer.readUInt32LE(0) !== magic) return undefined;
  const end = headerBytes + buffer.readUInt32LE(32);
  if (end > buffer.length || checksum(buffer.subarray(8, end)) !== buffer.readUInt32LE(4)) {
    return undefined;
  }
  const state = decodeNodeState(buffer.subarray(headerBytes, end));
  if (state === undefined) return undefined;
  const dataId = formatHex(buffer.subarray(16, 32));
  return { sequence: buffer.readBigUInt64LE(8), dataId, state };
}

/** The newer of the slots that are whole. */
function readNewest(path: string): Slot | 'missing' | 'damaged' {
  if (!existsSync(path)) return 'missing';
  const bytes = readFileSync(path);
  const slots = [bytes.subarray(0, slotBytes), bytes.subarray(slotBytes)].flatMap(
    (slot) => decodeSlot(slot) ?? [],
  );
  const [newest] = slots.sort((left, right) => (left.sequence > right.sequence ? -1 : 1));
  // A shorter file has lost the space that it was given.
  return newest === undefined || bytes.length !== 2 * slotBytes ? 'damaged' : newest;
}
