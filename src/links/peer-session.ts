import type { ReplicaReply, ReplicaRequest, ReplicaStanding } from '../record/replica-messages.ts';
import { recordBytes } from '../record/versioned-value.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import {
  type FrameChannel,
  type FrameHandlers,
  type Hello,
  type LinkReply,
  type LinkRequest,
  type Refusal,
  type RequestFrame,
  type ResponseFrame,
  splitIntoFrames,
} from './frames.ts';
import { linkBytesMax } from './open-requests.ts';
import { liveSilenceMsMax } from './peer-link.ts';

/** How many values are read at once, before their size is known, and the largest they can have. */
const readsAtOnce = 16;
const replyBytesMax = 1024 * 1024 + 64;

/** Answers the requests of peers: the node's own replica. */
export interface ReplicaService {
  /** What the replica does for others now. */
  readonly standing: ReplicaStanding;
  /** Answers requests that arrived together; `respond` is called once for each, with its index. */
  handle(
    requests: readonly ReplicaRequest[],
    respond: (index: number, reply: ReplicaReply) => void,
  ): void;
}

export interface PeerSessionComponents {
  readonly clock: Clock;
  readonly service: ReplicaService;
}

export interface PeerSessionOptions {
  /** Judges the first frame and takes note of the session; the own hello if it is accepted. */
  readonly admit: (
    hello: Hello,
    session: PeerSession,
  ) => { readonly welcome: Hello } | { readonly refusal: Refusal };
  readonly onEnded: (session: PeerSession) => void;
}

/**
 * The answering end of the stream from one peer. The first frame must be a hello; answers that are
 * ready in one turn of the event loop leave together.
 */
export class PeerSession implements FrameHandlers<RequestFrame> {
  readonly #components: PeerSessionComponents;
  readonly #options: PeerSessionOptions;
  readonly #channel: FrameChannel<ResponseFrame>;
  #peer: Hello | undefined;
  #replies: LinkReply[] = [];
  #replyBytes = 0;
  #reads: { readonly request: LinkRequest; readonly untilMs: number }[] = [];
  #isBlocked = false;
  #isEnded = false;
  #flush: Timer | undefined;
  #lastHeardMs: number;

  constructor(
    components: PeerSessionComponents,
    options: PeerSessionOptions,
    channel: FrameChannel<ResponseFrame>,
  ) {
    this.#components = components;
    this.#options = options;
    this.#channel = channel;
    this.#lastHeardMs = components.clock.monotonicMs();
  }

  /** Who is at the other end; `undefined` before it was accepted. */
  get peer(): Hello | undefined {
    return this.#peer;
  }

  /** Whether the peer was heard lately. */
  isLive(): boolean {
    const silenceMs = this.#components.clock.monotonicMs() - this.#lastHeardMs;
    return this.#peer !== undefined && !this.#isEnded && silenceMs <= liveSilenceMsMax;
  }

  onFrame(frame: RequestFrame): void {
    if (this.#isEnded) return;
    this.#lastHeardMs = this.#components.clock.monotonicMs();
    if (frame.kind === 'hello') this.#onHello(frame.hello);
    else if (this.#peer === undefined) this.#refuse('the first frame must be a hello');
    else if (frame.kind === 'ping') {
      this.#channel.send({
        kind: 'pong',
        id: frame.id,
        clockMs: this.#components.clock.realtimeMs(),
        standing: this.#components.service.standing,
      });
    } else this.#onRequests(frame.requests);
  }

  onDrain(): void {
    this.#isBlocked = false;
    this.#sendReplies();
  }

  onClosed(): void {
    this.#end();
  }

  /** Ends the stream. */
  close(): void {
    if (this.#isEnded) return;
    this.#end();
    this.#channel.close();
  }

  #onHello(hello: Hello): void {
    if (this.#peer !== undefined) return this.#refuse('a second hello');
    const verdict = this.#options.admit(hello, this);
    if ('refusal' in verdict) {
      this.#channel.send({ kind: 'refusal', refusal: verdict.refusal });
      this.close();
      return;
    }
    this.#peer = hello;
    this.#channel.send({ kind: 'welcome', hello: verdict.welcome });
  }

  #refuse(message: string): void {
    this.#channel.send({ kind: 'refusal', refusal: { reason: 'protocol', message } });
    this.close();
  }

  #onRequests(arrived: readonly LinkRequest[]): void {
    const small: LinkRequest[] = [];
    const nowMs = this.#components.clock.monotonicMs();
    for (const request of arrived) {
      if (request.timeoutMs <= 0) continue;
      if (!mayBeLarge(request)) small.push(request);
      else this.#reads.push({ request, untilMs: nowMs + request.timeoutMs });
    }
    this.#handle(small);
    this.#goOnReading();
  }

  /** Small requests for large values could fill the memory: values are read when there is room. */
  #goOnReading(): void {
    const nowMs = this.#components.clock.monotonicMs();
    while (this.#reads.length > 0 && this.#hasRoomToRead()) {
      const taken = this.#reads.splice(0, readsAtOnce);
      const inTime = taken.filter(({ untilMs }) => untilMs > nowMs);
      this.#handle(inTime.map(({ request }) => request));
    }
  }

  #hasRoomToRead(): boolean {
    return this.#replyBytes <= linkBytesMax - readsAtOnce * replyBytesMax;
  }

  #handle(requests: readonly LinkRequest[]): void {
    if (requests.length === 0) return;
    this.#components.service.handle(
      requests.map(({ request }) => request),
      (index, reply) => {
        const id = requests[index]?.id;
        if (this.#isEnded || id === undefined) return;
        this.#replies.push({ id, reply });
        this.#replyBytes += replyBytes(reply);
        this.#flush ??= this.#components.clock.schedule(0, () => this.#sendReplies());
      },
    );
  }

  #sendReplies(): void {
    this.#flush = undefined;
    if (this.#isBlocked || this.#isEnded || this.#replies.length === 0) return;
    const frames = splitIntoFrames(this.#replies, ({ reply }) => replyBytes(reply));
    this.#replies = [];
    for (const [index, replies] of frames.entries()) {
      for (const { reply } of replies) this.#replyBytes -= replyBytes(reply);
      if (!this.#channel.send({ kind: 'replies', replies })) {
        this.#isBlocked = true;
        this.#replies = frames.slice(index + 1).flat();
        break;
      }
    }
    this.#goOnReading();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#flush?.cancel();
    this.#replies = [];
    this.#reads = [];
    this.#options.onEnded(this);
  }
}

function mayBeLarge({ request }: LinkRequest): boolean {
  return request.operation === 'read-value' || request.operation === 'list';
}

function replyBytes(reply: ReplicaReply): number {
  if (reply.outcome !== 'listed') {
    return recordBytes(noKey, reply.outcome === 'ok' ? reply.record : undefined);
  }
  const keys = [...reply.keys.map(({ key }) => key), ...reply.damaged];
  return keys.reduce((bytes, key) => bytes + recordBytes(key, undefined), 0);
}

const noKey = new Uint8Array();
