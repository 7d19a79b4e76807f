import type { Membership } from '../membership/membership.ts';
import type { ClockMonitor } from '../record/clock-monitor.ts';
import type { ReplicaStanding } from '../record/replica-messages.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { FrameChannel, FrameDialer, Hello, Refusal, ResponseFrame } from './frames.ts';
import { judgeHello, type PeerIdentities, protocolVersion } from './handshake.ts';
import { PeerLink } from './peer-link.ts';
import { PeerSession, type ReplicaService } from './peer-session.ts';

/**
 * All streams of one node: a link to each other node and the sessions of those that ask it. It
 * owns liveness, and brings the news of incarnations to membership and of clocks to the monitor.
 */
export interface LinkSetComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly membership: Membership;
  readonly clockMonitor: ClockMonitor;
  readonly service: ReplicaService;
  readonly peerIdentities: PeerIdentities;
  /** The way to each other node. */
  readonly dialerOf: (node: string) => FrameDialer;
}

export interface LinkSetOptions {
  readonly node: string;
  readonly clusterName: string;
  readonly incarnation: bigint;
  /** See Hello. */
  readonly dataId: string;
  readonly isRebuilt: boolean;
}

/** After this long a node that has not answered is down, no longer unknown. */
const firstAnswerMsMax = 2_000;
const noStanding: ReplicaStanding = { servesReads: false, takesWrites: false };

export class LinkSet {
  readonly #components: LinkSetComponents;
  readonly #options: LinkSetOptions;
  readonly #ringDigest: string;
  readonly #links = new Map<string, PeerLink>();
  readonly #sessions = new Set<PeerSession>();
  readonly #unknown = new Set<string>();
  readonly #liveListeners: ((node: string) => void)[] = [];
  readonly #dataRefusedListeners: ((refusal: Refusal) => void)[] = [];
  #onSettled: (() => void) | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(components: LinkSetComponents, options: LinkSetOptions) {
    this.#components = components;
    this.#options = options;
    this.#ringDigest = components.ring.digest();
    for (const peer of components.ring.nodes) {
      if (peer !== options.node) this.#links.set(peer, this.#createLink(peer));
    }
    for (const peer of this.#links.keys()) this.#unknown.add(peer);
  }

  /** Starts all links; settles when each was up or has failed once, or after 2 s. */
  start(): Promise<void> {
    for (const link of this.#links.values()) link.start();
    return new Promise((resolve) => {
      const settle = () => {
        this.#timer?.cancel();
        this.#unknown.clear();
        resolve();
      };
      this.#onSettled = settle;
      this.#timer = this.#components.clock.schedule(firstAnswerMsMax, settle);
      if (this.#unknown.size === 0) settle();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const link of this.#links.values()) link.stop();
    for (const session of [...this.#sessions]) session.close();
  }

  /** Takes a stream that a peer has opened. */
  accept(channel: FrameChannel<ResponseFrame>): PeerSession {
    const session = new PeerSession(
      this.#components,
      {
        admit: (hello, admitted) => this.#admit(hello, admitted),
        onEnded: (ended) => this.#sessions.delete(ended),
      },
      channel,
    );
    if (this.#isStopped) session.close();
    else this.#sessions.add(session);
    return session;
  }

  /** The link to another node of the ring. */
  linkTo(peer: string): PeerLink | undefined {
    return this.#links.get(peer);
  }

  /** Whether a node can be asked now; the node itself always can. */
  isLive(node: string): boolean {
    return node === this.#options.node || this.#links.get(node)?.isLive() === true;
  }

  /** What a node does for others now; nothing while it cannot be asked. */
  standingOf(node: string): ReplicaStanding {
    if (node === this.#options.node) return this.#components.service.standing;
    const link = this.#links.get(node);
    return link?.isLive() === true ? link.standing : noStanding;
  }

  /** Whether a node has neither answered nor failed since this node started. */
  isUnknown(node: string): boolean {
    return this.#unknown.has(node);
  }

  /** Calls back with the name of each node that can be asked from now on. */
  onLive(listener: (node: string) => void): void {
    this.#liveListeners.push(listener);
  }

  /**
   * Calls back when a peer refuses this node for its data: what it has acknowledged is on another
   * disk than the one it came with.
   */
  onDataRefused(listener: (refusal: Refusal) => void): void {
    this.#dataRefusedListeners.push(listener);
  }

  /** The refusals of those that will not talk to this node; none if one peer talks to it. */
  outcastFor(): readonly Refusal[] {
    const links = [...this.#links.values()];
    if (links.some((link) => link.isLive())) return [];
    return links.flatMap((link) => (link.refusal === undefined ? [] : [link.refusal]));
  }

  #createLink(peer: string): PeerLink {
    const components = { ...this.#components, dialer: this.#components.dialerOf(peer) };
    const { nodes } = components.ring;
    return new PeerLink(components, {
      peer,
      // Nodes that share a machine or a moment of their start take turns.
      pingPhase: nodes.indexOf(this.#options.node) / nodes.length,
      hello: () => this.#hello(),
      judge: (welcome) => this.#judge(welcome),
      listener: {
        onWelcome: (_node, welcome) => this.#onMet(welcome),
        onLive: (node) => {
          for (const listener of this.#liveListeners) listener(node);
        },
        onNotLive: (node) => this.#components.clockMonitor.forget(node),
        onRefused: (refusal) => {
          if (refusal.reason !== 'data-id') return;
          for (const listener of this.#dataRefusedListeners) listener(refusal);
        },
        onAttempted: (node) => this.#onAttempted(node),
        onClock: (node, clockMs, sent, received) =>
          this.#components.clockMonitor.addSample(node, clockMs, sent, received),
      },
    });
  }

  #hello(): Hello {
    return {
      protocolVersion,
      clusterName: this.#options.clusterName,
      node: this.#options.node,
      incarnation: this.#options.incarnation,
      ringDigest: this.#ringDigest,
      clockMs: this.#components.clock.realtimeMs(),
      dataId: this.#options.dataId,
      isRebuilt: this.#options.isRebuilt,
      standing: this.#components.service.standing,
    };
  }

  #judge(other: Hello): Refusal | undefined {
    return judgeHello(other, {
      own: this.#hello(),
      nodes: this.#components.ring.nodes,
      liveIncarnationOf: (node) => this.#liveIncarnationOf(node),
      dataIdOf: (node) => this.#components.peerIdentities.dataIdOf(node),
    });
  }

  #liveIncarnationOf(node: string): bigint | undefined {
    if (node === this.#options.node) return this.#options.incarnation;
    for (const session of this.#sessions) {
      if (session.peer?.node === node && session.isLive()) return session.peer.incarnation;
    }
    if (this.#links.get(node)?.isLive() !== true) return undefined;
    return this.#components.membership.view().incarnations.get(node);
  }

  #admit(
    hello: Hello,
    session: PeerSession,
  ): { readonly welcome: Hello } | { readonly refusal: Refusal } {
    const refusal = this.#judge(hello);
    if (refusal !== undefined) {
      this.#components.logger.warn('node refused', { node: hello.node, ...refusal });
      return { refusal };
    }
    for (const other of [...this.#sessions]) {
      if (other !== session && other.peer?.node === hello.node) other.close();
    }
    this.#onMet(hello);
    this.#links.get(hello.node)?.hurry();
    return { welcome: this.#hello() };
  }

  #onMet({ node, incarnation, dataId }: Hello): void {
    const { membership, peerIdentities } = this.#components;
    if (dataId !== '' && dataId !== peerIdentities.dataIdOf(node)) {
      peerIdentities.remember(node, dataId);
    }
    membership.reportIncarnation(node, incarnation);
  }

  #onAttempted(node: string): void {
    this.#unknown.delete(node);
    if (this.#unknown.size === 0) this.#onSettled?.();
  }
}
