import type { Random } from '../../runtime/random.ts';
import type { ServerAddress } from './connection.ts';

const retryMsFirst = 100;
const retryMsMax = 1_000;

/**
 * Which server is tried next, and when: at once after a connection that was good, then after a
 * pause that doubles with each round of all servers. The client itself would stay with a server
 * that accepts connections and says nothing.
 */
export class ServerRotation {
  readonly #servers: readonly ServerAddress[];
  readonly #random: Random;
  #next = 0;
  #failures = 0;

  constructor(servers: readonly ServerAddress[], random: Random) {
    // All nodes have the same list: in its order they would all hold to its first server.
    const ranked = servers.map((server) => ({ server, rank: random.fraction() }));
    ranked.sort((left, right) => left.rank - right.rank);
    this.#servers = ranked.map(({ server }) => server);
    this.#random = random;
  }

  get count(): number {
    return this.#servers.length;
  }

  nextServer(): ServerAddress {
    const server = this.#servers[this.#next++ % this.#servers.length];
    if (server === undefined) throw new Error('there is no server');
    return server;
  }

  /** The connection was a good one. */
  reset(): void {
    this.#failures = 0;
  }

  /** Counts a failure. @returns how long to wait before the next attempt. */
  nextDelayMs(): number {
    const rounds = Math.floor(this.#failures / this.#servers.length);
    this.#failures++;
    if (rounds === 0) return 0;
    const delayMs = Math.min(retryMsFirst * 2 ** Math.min(rounds - 1, 10), retryMsMax);
    return delayMs * (0.5 + this.#random.fraction() / 2);
  }
}
