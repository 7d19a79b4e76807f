import type { ReplicaReply, ReplicaRequest, ReplicaStanding } from '../record/replica-messages.ts';

/**
 * What travels on the stream between two nodes, and the narrow channel it travels on. The channel
 * is a gRPC stream in production and a simulated one in tests; links know neither.
 */

/** Who a node is and what it believes about the cluster. */
export interface Hello {
  readonly protocolVersion: number;
  readonly clusterName: string;
  readonly node: string;
  readonly incarnation: bigint;
  readonly ringDigest: string;
  readonly clockMs: number;
  /** Made with the data directory, later ones greater; empty for a node that keeps all in memory. */
  readonly dataId: string;
  /** Whether the directory was made in place of a lost one, so that another data id is right. */
  readonly isRebuilt: boolean;
  readonly standing: ReplicaStanding;
}

/** Why a node is not talked to. */
export interface Refusal {
  readonly reason: RefusedFor;
  /** For people: names both sides of the difference. */
  readonly message: string;
}

export type RefusedFor =
  | 'protocol-version'
  | 'cluster-name'
  | 'unknown-node'
  | 'ring'
  | 'duplicate-node'
  | 'data-id'
  | 'protocol';

/** One request to a replica, with an id that is never used twice on one stream. */
export interface LinkRequest {
  readonly id: number;
  /** How long the answer is of use after the request has arrived, in milliseconds. */
  readonly timeoutMs: number;
  readonly request: ReplicaRequest;
}

export interface LinkReply {
  readonly id: number;
  readonly reply: ReplicaReply;
}

/** What the asking node sends. */
export type RequestFrame =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'requests'; readonly requests: readonly LinkRequest[] };

/** What the answering node sends. */
export type ResponseFrame =
  | { readonly kind: 'welcome'; readonly hello: Hello }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | {
      readonly kind: 'pong';
      readonly id: number;
      readonly clockMs: number;
      readonly standing: ReplicaStanding;
    }
  | { readonly kind: 'replies'; readonly replies: readonly LinkReply[] };

/** One stream. After `close`, or after `onClosed` was called, nothing more is called. */
export interface FrameChannel<Sent> {
  /** Sends a frame. @returns whether more may be sent before `onDrain` is called. */
  send(frame: Sent): boolean;
  /** Ends the stream after what was sent. */
  close(): void;
}

/** What a channel tells its user. */
export interface FrameHandlers<Received> {
  onFrame(frame: Received): void;
  onDrain(): void;
  /** The stream is over, for a reason in words. */
  onClosed(reason: string): void;
}

/** Opens a channel to one peer, on a connection of its own; what fails is told by `onClosed`, after this has returned. */
export interface FrameDialer {
  dial(handlers: FrameHandlers<ResponseFrame>): FrameChannel<RequestFrame>;
}

/** A frame of batches carries at most this many bytes, or one item. */
export const frameBytesMax = 1024 * 1024;

/** Splits items into runs of at most {@link frameBytesMax}, or one item. */
export function splitIntoFrames<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
): readonly (readonly Item[])[] {
  const frames: Item[][] = [];
  let frame: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = bytesOf(item);
    if (frame.length > 0 && bytes + itemBytes > frameBytesMax) {
      frames.push(frame);
      frame = [];
      bytes = 0;
    }
    frame.push(item);
    bytes += itemBytes;
  }
  if (frame.length > 0) frames.push(frame);
  return frames;
}
