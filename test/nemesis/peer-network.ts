import { SystemClock } from '../../src/runtime/system-clock.ts';
import type { Weather } from '../../src/testing/held-pipe.ts';
import { ProxiedLink } from '../../src/testing/proxied-link.ts';

/**
 * All that the nodes of one machine say to each other, through ports of this process: one for each
 * ordered pair, so that what a node says can be told from what it hears. Clients do not go through
 * here.
 */
export type Direction = 'both' | 'out' | 'in';

export class PeerNetwork {
  readonly #links: ReadonlyMap<string, ReadonlyMap<string, ProxiedLink>>;
  readonly #ports = new Map<ProxiedLink, number>();

  /** @param ports where each node listens. */
  constructor(ports: ReadonlyMap<string, number>) {
    const clock = new SystemClock();
    const linksFrom = (from: string) =>
      [...ports]
        .filter(([to]) => to !== from)
        .map(([to, port]) => [to, new ProxiedLink(clock, port)] as const);
    this.#links = new Map([...ports.keys()].map((from) => [from, new Map(linksFrom(from))]));
  }

  async listen(): Promise<void> {
    for (const links of this.#links.values()) {
      for (const link of links.values()) this.#ports.set(link, await link.listen());
    }
  }

  /** The port by which one node reaches another; `undefined` for itself. */
  port(from: string, to: string): number | undefined {
    const link = this.#links.get(from)?.get(to);
    return link && this.#ports.get(link);
  }

  /** Where the node listens that one of these ports leads to; `undefined` for any other port. */
  targetOf(port: number): number | undefined {
    const [link] = [...this.#ports].find(([, own]) => own === port) ?? [];
    return link?.targetPort;
  }

  /** Holds back what a node says, what it hears, or both. */
  hold(node: string, direction: Direction): void {
    this.#change(node, direction, (weather) => {
      weather.isHeld = true;
    });
  }

  delay(node: string, delayMs: number): void {
    this.#change(node, 'both', (weather) => {
      weather.delayMs = delayMs;
    });
  }

  /** Ends the connections of a node and refuses new ones. */
  refuse(node: string): void {
    for (const { link } of this.#linksOf(node)) {
      link.isRefusing = true;
      link.reset();
    }
  }

  /** Ends all connections of a node; what they hold never arrives. */
  reset(node: string): void {
    for (const { link } of this.#linksOf(node)) link.reset();
  }

  /** Lets everything through, at once; what was held back arrives now. */
  heal(node: string): void {
    for (const { link } of this.#linksOf(node)) link.isRefusing = false;
    this.#change(node, 'both', (weather) => {
      weather.isHeld = false;
      weather.delayMs = 0;
    });
  }

  close(): void {
    for (const links of this.#links.values()) for (const link of links.values()) link.close();
  }

  #change(node: string, direction: Direction, change: (weather: Weather) => void): void {
    for (const { link, isOwn } of this.#linksOf(node)) {
      const said = isOwn ? link.forward : link.backward;
      const heard = isOwn ? link.backward : link.forward;
      if (direction !== 'in') change(said);
      if (direction !== 'out') change(heard);
      link.pump();
    }
  }

  /** The links that a node has made, and those that others have made to it. */
  #linksOf(node: string): readonly { readonly link: ProxiedLink; readonly isOwn: boolean }[] {
    return [...this.#links].flatMap(([from, links]) =>
      [...links]
        .filter(([to]) => from === node || to === node)
        .map(([, link]) => ({ link, isOwn: from === node })),
    );
  }
}
