import type {
  FrameChannel,
  FrameDialer,
  FrameHandlers,
  RequestFrame,
  ResponseFrame,
} from '../../src/links/frames.ts';
import type { SimulatedHost, SimulatedTime } from './simulated-time.ts';

/**
 * Streams between simulated hosts: in order, delayed, and broken when an end dies. A cut holds
 * frames back, as TCP does, until it is healed.
 */
export interface NetworkPeer {
  readonly host: SimulatedHost;
  accept(channel: FrameChannel<ResponseFrame>): FrameHandlers<RequestFrame>;
}

export class SimulatedNetwork {
  readonly #time: SimulatedTime;
  readonly #peers = new Map<string, NetworkPeer>();
  readonly #cuts = new Set<string>();
  readonly #streams = new Set<SimulatedStream>();
  /** How long a frame from one node to another takes. */
  delayMs: (from: string, to: string) => number = () => 1;
  /** Told of each frame that arrives. */
  onArrival: (from: string, to: string) => void = () => undefined;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  attach(node: string, peer: NetworkPeer): void {
    this.#peers.set(node, peer);
  }

  /** The node's process is gone: its streams break. */
  detach(node: string): void {
    this.#peers.delete(node);
    for (const stream of [...this.#streams]) {
      if (stream.from === node || stream.to === node) this.#break(stream, 'connection reset');
    }
  }

  /** Holds back all that goes from one node to another, one way. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Cuts a node off from all others, both ways. */
  isolate(node: string): void {
    for (const other of this.#peers.keys()) {
      if (other === node) continue;
      this.cut(node, other);
      this.cut(other, node);
    }
  }

  /**
   * Resets the streams from one node to another: the caller notices at once, and what is on its way
   * to it is lost. What it had sent still arrives for `lingerMs`, perhaps after what it sends anew.
   */
  reset(from: string, to: string, lingerMs: number): void {
    for (const stream of [...this.#streams]) {
      if (stream.from === from && stream.to === to) this.#reset(stream, lingerMs);
    }
  }

  /** Ends all cuts; what was held back arrives. */
  heal(): void {
    this.#cuts.clear();
    for (const stream of this.#streams) stream.release();
  }

  dialer(from: string, to: string): FrameDialer {
    return { dial: (handlers) => this.#dial(from, to, handlers) };
  }

  #dial(
    from: string,
    to: string,
    handlers: FrameHandlers<ResponseFrame>,
  ): FrameChannel<RequestFrame> {
    const caller = this.#peers.get(from)?.host;
    const stream: SimulatedStream = {
      from,
      to,
      isOpen: true,
      isCallerGone: false,
      release: () => undefined,
    };
    this.#streams.add(stream);
    const toCaller = this.#lane<ResponseFrame>(stream, to, from, (frame) =>
      caller?.run(() => stream.isOpen && !stream.isCallerGone && handlers.onFrame(frame)),
    );
    let accepted: FrameHandlers<RequestFrame> | undefined;
    const toCallee = this.#lane<RequestFrame>(stream, from, to, (frame) => {
      const callee = this.#peers.get(to);
      if (callee === undefined) return this.#break(stream, 'connection refused');
      callee.host.run(() => {
        accepted ??= callee.accept({ send: toCaller.send, close: () => toCaller.end() });
        accepted.onFrame(frame);
      });
    });
    stream.release = () => {
      toCaller.release();
      toCallee.release();
    };
    stream.onCallerBroken = (reason) => caller?.run(() => handlers.onClosed(reason));
    stream.onBroken = (reason) => {
      if (!stream.isCallerGone) stream.onCallerBroken?.(reason);
      this.#peers.get(to)?.host.run(() => accepted?.onClosed(reason));
    };
    return { send: toCallee.send, close: () => this.#break(stream, 'closed', from) };
  }

  /** One direction of a stream. */
  #lane<Frame>(stream: SimulatedStream, from: string, to: string, deliver: (frame: Frame) => void) {
    const held: (() => void)[] = [];
    let readyAtMs = 0;
    const travel = (arrive: () => void) => {
      readyAtMs = Math.max(readyAtMs, this.#time.nowMs + this.delayMs(from, to));
      this.#time.at(readyAtMs, () => stream.isOpen && arrive());
    };
    const pass = (arrive: () => void) => {
      if (this.#cuts.has(`${from}>${to}`)) held.push(arrive);
      else travel(arrive);
    };
    return {
      send: (frame: Frame) => {
        pass(() => {
          this.onArrival(from, to);
          deliver(frame);
        });
        return true;
      },
      end: () => pass(() => this.#break(stream, 'the peer ended the stream')),
      release: () => {
        for (const arrive of held.splice(0)) travel(arrive);
      },
    };
  }

  #reset(stream: SimulatedStream, lingerMs: number): void {
    if (stream.isCallerGone) return;
    stream.isCallerGone = true;
    stream.onCallerBroken?.('connection reset');
    this.#time.at(this.#time.nowMs + lingerMs, () => this.#break(stream, 'connection reset'));
  }

  #break(stream: SimulatedStream, reason: string, closedBy?: string): void {
    if (!stream.isOpen) return;
    stream.isOpen = false;
    this.#streams.delete(stream);
    const { onBroken } = stream;
    if (closedBy !== undefined) this.#time.at(this.#time.nowMs + 1, () => onBroken?.(reason));
    else onBroken?.(reason);
  }
}

interface SimulatedStream {
  readonly from: string;
  readonly to: string;
  isOpen: boolean;
  /** Whether the caller has given it up while the callee still hears what was sent. */
  isCallerGone: boolean;
  release: () => void;
  onCallerBroken?: (reason: string) => void;
  onBroken?: (reason: string) => void;
}
