import type {
  FrameChannel,
  FrameDialer,
  FrameHandlers,
  Hello,
  RequestFrame,
  ResponseFrame,
} from '../../src/links/frames.ts';
import { protocolVersion } from '../../src/links/handshake.ts';

/** Streams whose other end is the test. */

/** Of a node that lacks nothing. */
export const ableToAll = { servesReads: true, takesWrites: true } as const;

export function helloOf(node: string, change: Partial<Hello> = {}): Hello {
  return {
    protocolVersion,
    clusterName: 'test',
    node,
    incarnation: 1n,
    ringDigest: 'ring',
    clockMs: 0,
    dataId: '',
    isRebuilt: false,
    standing: ableToAll,
    ...change,
  };
}

/** A channel that notes what is sent on it. */
export class FakeChannel<Sent extends { readonly kind: string }> implements FrameChannel<Sent> {
  readonly sent: Sent[] = [];
  isClosed = false;
  /** What the next sends say: whether more may be sent. */
  hasRoom = true;

  send(frame: Sent): boolean {
    if (!this.isClosed) this.sent.push(frame);
    return this.hasRoom;
  }

  close(): void {
    this.isClosed = true;
  }

  /** The frames of one kind that were sent and not yet taken. */
  take<Kind extends Sent['kind']>(kind: Kind): Extract<Sent, { kind: Kind }>[] {
    const taken: Extract<Sent, { kind: Kind }>[] = [];
    for (const frame of this.sent.splice(0)) {
      if (frame.kind === kind) taken.push(frame as Extract<Sent, { kind: Kind }>);
      else this.sent.push(frame);
    }
    return taken;
  }
}

/** One stream that a link has opened. */
interface Dialled {
  readonly channel: FakeChannel<RequestFrame>;
  readonly handlers: FrameHandlers<ResponseFrame>;
  readonly atMs: number;
}

/** A way to a peer that the test plays. */
export class FakeDialer implements FrameDialer {
  readonly streams: Dialled[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  dial(handlers: FrameHandlers<ResponseFrame>): FrameChannel<RequestFrame> {
    const channel = new FakeChannel<RequestFrame>();
    this.streams.push({ channel, handlers, atMs: this.#nowMs() });
    return channel;
  }

  /** The newest stream. */
  get stream(): Dialled {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('nothing was dialled');
    return stream;
  }

  /** The peer sends a frame on the newest stream. */
  answer(frame: ResponseFrame): void {
    this.stream.handlers.onFrame(frame);
  }

  /** Answers all pings so far. */
  pong(clockMs = 0): void {
    for (const { id } of this.stream.channel.take('ping')) {
      this.answer({ kind: 'pong', id, clockMs, standing: ableToAll });
    }
  }
}
