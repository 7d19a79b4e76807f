import type { ClockReading } from '../record/clock-monitor.ts';
import {
  type ReplicaReply,
  type ReplicaRequest,
  type ReplicaStanding,
  refused,
} from '../record/replica-messages.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type {
  FrameChannel,
  FrameDialer,
  Hello,
  Refusal,
  RequestFrame,
  ResponseFrame,
} from './frames.ts';
import { OpenRequests } from './open-requests.ts';

/**
 * The asking end of the stream to one peer, over all its reconnections.
 *
 * A state machine: waiting → connecting → up → waiting … Everything queued in one turn of the
 * event loop leaves together. When the stream breaks its open requests end as unknown and nothing
 * is sent again: only the coordinator knows what a second time would mean. A peer that takes the
 * connection and stays silent is as dead as one that refuses it, so every state has a limit.
 */

const pingEveryMs = 500;
/** A peer that was not heard for this long is not live. */
export const liveSilenceMsMax = 1_500;
/** A link on which nothing was heard for this long is built anew. */
const linkSilenceMsMax = 5_000;
const connectingMsMax = 2_000;
const backoffMsMin = 100;
const backoffMsMax = 1_000;
/** How long a patient request waits for others to go with. */
const patienceMs = 5;

const requestIdMax = 0xffff_ffff;

export interface PeerLinkComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly dialer: FrameDialer;
}

export interface PeerLinkOptions {
  /** The peer's name. */
  readonly peer: string;
  /** When this node pings its peers, as a part of the time between two pings, from 0 to 1. */
  readonly pingPhase: number;
  /** What this node says of itself now. */
  readonly hello: () => Hello;
  /** Whether the peer is who it should be. */
  readonly judge: (welcome: Hello) => Refusal | undefined;
  readonly listener: PeerLinkListener;
}

interface PeerLinkListener {
  /** The handshake is done. */
  onWelcome(peer: string, welcome: Hello): void;
  /** The peer can be asked: the link came up, or the peer was heard again after a silence. */
  onLive(peer: string): void;
  /** The peer cannot be asked any more. */
  onNotLive(peer: string): void;
  /** The peer does not talk to this node. */
  onRefused(refusal: Refusal): void;
  /** A try to connect has ended, well or not. */
  onAttempted(peer: string): void;
  onClock(peer: string, clockMs: number, sent: ClockReading, received: ClockReading): void;
}

export class PeerLink {
  readonly #components: PeerLinkComponents;
  readonly #options: PeerLinkOptions;
  readonly #requests = new OpenRequests();
  readonly #pings = new Map<number, ClockReading>();
  #state: 'waiting' | 'connecting' | 'up' | 'stopped' = 'waiting';
  #channel: FrameChannel<RequestFrame> | undefined;
  #nextId = 1;
  #isBlocked = false;
  #flush: Timer | undefined;
  #flushDelayMs = 0;
  #timer: Timer | undefined;
  #backoffMs = backoffMsMin;
  #lastHeardMs = 0;
  #wasLive = false;
  #roundTripMs: number | undefined;
  #refusal: Refusal | undefined;
  #isPeerAtFault = false;
  #standing: ReplicaStanding = { servesReads: true, takesWrites: true };
  #problem = 'not connected yet';

  constructor(components: PeerLinkComponents, options: PeerLinkOptions) {
    this.#components = components;
    this.#options = options;
  }

  start(): void {
    this.#connect();
  }

  /** The peer is there, as it has said itself: a try that waits for its turn is made now. */
  hurry(): void {
    if (this.#state !== 'waiting' || this.#timer === undefined) return;
    this.#timer.cancel();
    this.#connect();
  }

  stop(): void {
    this.#break('this node is stopping');
    this.#state = 'stopped';
    this.#timer?.cancel();
  }

  /** Whether the peer can be asked now. */
  isLive(): boolean {
    return this.#state === 'up' && this.#silenceMs() <= liveSilenceMsMax;
  }

  /** What the peer does for others, as far as it has told. */
  get standing(): ReplicaStanding {
    return this.#standing;
  }

  /** How long the last ping took; `undefined` while the link was never up. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Why the peer cannot be asked, in words; empty if it can. */
  get problem(): string {
    if (this.isLive()) return '';
    return this.#state === 'up' ? `silent for ${Math.round(this.#silenceMs())} ms` : this.#problem;
  }

  /** The last refusal, until the link is up; none while it is the peer that comes with other data. */
  get refusal(): Refusal | undefined {
    return this.#isPeerAtFault ? undefined : this.#refusal;
  }

  /** How many requests are queued or wait for an answer. */
  get openRequests(): number {
    return this.#requests.count;
  }

  hasRoom(bytes: number): boolean {
    return this.#requests.hasRoom(bytes);
  }

  /** Asks the peer; see ReplicaClient. `onReply` is called exactly once, also without a link. */
  send(
    request: ReplicaRequest,
    deadlineMs: number,
    onReply: (reply: ReplicaReply) => void,
    urgency: 'urgent' | 'patient' = 'urgent',
  ): void {
    if (this.#state !== 'up') {
      onReply(refused('not-sent'));
      return;
    }
    if (!this.#requests.add(this.#nextId++, request, deadlineMs, onReply)) return;
    this.#scheduleFlush(urgency === 'patient' ? patienceMs : 0);
  }

  /** Measures the peer's clock now, not at the next ping. */
  ping(): void {
    if (this.#state !== 'up') return;
    const id = this.#nextId++;
    this.#pings.set(id, this.#readClock());
    this.#channel?.send({ kind: 'ping', id });
  }

  #scheduleFlush(delayMs: number): void {
    if (this.#flush !== undefined) {
      if (delayMs >= this.#flushDelayMs) return;
      this.#flush.cancel();
    }
    this.#flushDelayMs = delayMs;
    this.#flush = this.#components.clock.schedule(delayMs, () => this.#sendQueue());
  }

  #sendQueue(): void {
    this.#flush?.cancel();
    this.#flush = undefined;
    const nowMs = this.#components.clock.monotonicMs();
    while (!this.#isBlocked) {
      const requests = this.#requests.takeFrame(nowMs);
      if (requests.length === 0) break;
      this.#isBlocked = this.#channel?.send({ kind: 'requests', requests }) === false;
    }
    if (this.#nextId > requestIdMax) this.#break('request ids are used up');
  }

  #connect(): void {
    const { clock, dialer } = this.#components;
    this.#state = 'connecting';
    this.#timer = clock.schedule(connectingMsMax, () => this.#break('no answer to the handshake'));
    const channel = dialer.dial({
      onFrame: (frame) => this.#isCurrent(channel) && this.#onFrame(frame),
      onDrain: () => this.#isCurrent(channel) && this.#onDrain(),
      onClosed: (reason) => this.#isCurrent(channel) && this.#break(reason),
    });
    this.#channel = channel;
    channel.send({ kind: 'hello', hello: this.#options.hello() });
  }

  #isCurrent(channel: FrameChannel<RequestFrame>): boolean {
    return this.#channel === channel;
  }

  #onDrain(): void {
    this.#isBlocked = false;
    this.#sendQueue();
  }

  #onFrame(frame: ResponseFrame): void {
    // A silence that was too long is told before this frame ends it.
    this.#tellLiveness();
    this.#lastHeardMs = this.#components.clock.monotonicMs();
    if (frame.kind === 'welcome') this.#onWelcome(frame.hello);
    else if (frame.kind === 'refusal') this.#onRefusal(frame.refusal);
    else if (frame.kind === 'pong') this.#onPong(frame.id, frame.clockMs, frame.standing);
    else for (const { id, reply } of frame.replies) this.#requests.end(id, reply);
    this.#tellLiveness();
  }

  #tellLiveness(): void {
    const isLive = this.isLive();
    if (isLive === this.#wasLive) return;
    this.#wasLive = isLive;
    const { logger } = this.#components;
    if (isLive) logger.info('peer is live', { peer: this.#options.peer });
    else logger.warn('peer is not live', { peer: this.#options.peer, reason: this.problem });
    if (isLive) this.#options.listener.onLive(this.#options.peer);
    else this.#options.listener.onNotLive(this.#options.peer);
  }

  #onWelcome(welcome: Hello): void {
    if (this.#state !== 'connecting') return this.#break('welcomed twice');
    const refusal =
      welcome.node === this.#options.peer
        ? this.#options.judge(welcome)
        : ({
            reason: 'unknown-node',
            message: `the node at the address of ${this.#options.peer} says that it is ${welcome.node}: check the replicas file`,
          } as const);
    this.#isPeerAtFault = refusal?.reason === 'data-id';
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#state = 'up';
    this.#standing = welcome.standing;
    this.#refusal = undefined;
    this.#backoffMs = backoffMsMin;
    this.#timer?.cancel();
    this.ping();
    this.#superviseLater();
    this.#options.listener.onWelcome(this.#options.peer, welcome);
    this.#options.listener.onAttempted(this.#options.peer);
  }

  #onRefusal(refusal: Refusal): void {
    this.#isPeerAtFault = false;
    this.#refuse(refusal);
    this.#options.listener.onRefused(refusal);
  }

  #refuse(refusal: Refusal): void {
    if (this.#refusal?.message !== refusal.message) {
      this.#components.logger.error('peer refused', { peer: this.#options.peer, ...refusal });
    }
    this.#refusal = refusal;
    this.#break(refusal.message);
  }

  #onPong(id: number, clockMs: number, standing: ReplicaStanding): void {
    this.#standing = standing;
    const sent = this.#pings.get(id);
    if (sent === undefined) return;
    this.#pings.delete(id);
    const received = this.#readClock();
    this.#roundTripMs = received.monotonicMs - sent.monotonicMs;
    this.#options.listener.onClock(this.#options.peer, clockMs, sent, received);
  }

  /** All links of a node look at their peers in one turn, which costs a third less than a turn each. */
  #superviseLater(): void {
    const { clock } = this.#components;
    const phaseMs = this.#options.pingPhase * pingEveryMs;
    const restMs = pingEveryMs - ((clock.monotonicMs() + pingEveryMs - phaseMs) % pingEveryMs);
    // A timer that fires a little early, or a link that is new, waits for the moment after.
    const delayMs = restMs < pingEveryMs / 2 ? restMs + pingEveryMs : restMs;
    this.#timer = clock.schedule(delayMs, () => this.#supervise());
  }

  #supervise(): void {
    if (this.#silenceMs() > linkSilenceMsMax) return this.#break('silent');
    this.#tellLiveness();
    this.#requests.endOverdue(this.#components.clock.monotonicMs());
    this.ping();
    this.#superviseLater();
  }

  /** Ends this stream and, unless stopped, waits for the next try. */
  #break(reason: string): void {
    if (this.#state !== 'connecting' && this.#state !== 'up') return;
    this.#state = 'waiting';
    this.#problem = reason;
    this.#timer?.cancel();
    this.#flush?.cancel();
    this.#flush = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    this.#isBlocked = false;
    this.#pings.clear();
    this.#nextId = 1;
    const delayMs = this.#backoffMs * (0.75 + this.#components.random.fraction() / 4);
    this.#backoffMs = Math.min(backoffMsMax, this.#backoffMs * 2);
    this.#timer = this.#components.clock.schedule(delayMs, () => this.#connect());
    this.#tellLiveness();
    this.#requests.endAll();
    this.#options.listener.onAttempted(this.#options.peer);
  }

  #silenceMs(): number {
    return this.#components.clock.monotonicMs() - this.#lastHeardMs;
  }

  #readClock(): ClockReading {
    const { clock } = this.#components;
    return { realtimeMs: clock.realtimeMs(), monotonicMs: clock.monotonicMs() };
  }
}
