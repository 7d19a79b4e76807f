import { asBuffer, decodeText, encodeText } from '../base/bytes.ts';
import { noTokens, TokenSet, tokenSetBytes } from '../ring/token-set.ts';

/**
 * The few facts that a node must find again after any end of its process, and their bytes: they
 * are small, change often, and must be writable while the disk is full, so they live in a file of
 * their own ({@link StateFile}) and not with the data.
 */
export interface NodeState {
  /** No version above this one was given out: a hybrid clock value. */
  readonly ceiling: bigint;
  /** Tokens whose writes this node may be coordinating. */
  readonly writing: TokenSet;
  /** By the name of another node: the tokens of which it may miss a write that nobody keeps. */
  readonly dirty: ReadonlyMap<string, TokenSet>;
  /** Whether the process ended after all its writes had. */
  readonly isClean: boolean;
}

/** The state of a node that has never done anything. */
export const initialNodeState: NodeState = {
  ceiling: 0n,
  writing: noTokens,
  dirty: new Map(),
  isClean: true,
};

/** Before the targets: ceiling, whether it is clean, the tokens, the number of targets. */
const fixedBytes = 8 + 1 + tokenSetBytes + 2;

/** The bytes of a state, at most 25 KiB with 256 nodes. */
export function encodeNodeState(state: NodeState): Uint8Array {
  const fixed = Buffer.alloc(fixedBytes);
  fixed.writeBigUInt64LE(state.ceiling, 0);
  fixed.writeUInt8(state.isClean ? 1 : 0, 8);
  fixed.set(state.writing.toBytes(), 9);
  const targets = [...state.dirty].filter(([, tokens]) => !tokens.isEmpty);
  fixed.writeUInt16LE(targets.length, 9 + tokenSetBytes);
  const parts = targets.flatMap(([target, tokens]) => {
    const name = encodeText(target);
    return [Uint8Array.of(name.length), name, tokens.toBytes()];
  });
  return Buffer.concat([fixed, ...parts]);
}

/** The state in the bytes of {@link encodeNodeState}, or `undefined` if they are something else. */
export function decodeNodeState(bytes: Uint8Array): NodeState | undefined {
  const buffer = asBuffer(bytes);
  if (buffer.length < fixedBytes) return undefined;
  const dirty = new Map<string, TokenSet>();
  let offset = fixedBytes;
  for (let left = buffer.readUInt16LE(9 + tokenSetBytes); left > 0; left--) {
    const nameEnd = offset + 1 + (buffer[offset] ?? 0);
    const end = nameEnd + tokenSetBytes;
    const target = decodeText(buffer.subarray(offset + 1, nameEnd));
    if (end > buffer.length || target === undefined) return undefined;
    dirty.set(target, TokenSet.fromBytes(buffer.subarray(nameEnd, end)));
    offset = end;
  }
  if (offset !== buffer.length) return undefined;
  return {
    ceiling: buffer.readBigUInt64LE(0),
    writing: TokenSet.fromBytes(buffer.subarray(9, 9 + tokenSetBytes)),
    dirty,
    isClean: buffer[8] === 1,
  };
}
