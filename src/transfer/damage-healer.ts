import { bytesToMapKey, formatHex, mapKeyToBytes } from '../base/bytes.ts';
import { QuorateError } from '../base/quorate-error.ts';
import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ReplicaReply } from '../record/replica-messages.ts';
import { compareVersions } from '../record/version.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Storage } from '../storage/storage.ts';
import { askReplica } from './ask-replica.ts';
import type { DirtySink } from './dirty-sink.ts';
import { Pause } from './pause.ts';
import { formerLifeMs } from './rebuild.ts';

/**
 * Heals records whose bytes do not fit their checksum: each is a lost disk in small. The newest
 * record of ALL other replicas takes its place, no sooner than 31 s after the damage was found:
 * until then requests may be under way that count what this replica has acknowledged.
 *
 * If no other replica knows the key, or this node does not hold its token, the damage may be in the
 * key itself: then another key is missing here and nobody can say which, and all tokens of this
 * node become DIRTY for itself.
 *
 * A key without another replica stays damaged: absent would be a lie. So does one that is damaged on
 * another replica too, since its newest record may be lost, until an operator accepts that: then the
 * newest of what is left takes its place.
 */
export interface DamageHealerComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly storage: Storage;
  readonly replicas: ReplicaDirectory;
  readonly dirty: DirtySink;
}

export interface DamageHealerOptions {
  /** The node whose storage it heals. */
  readonly node: string;
  /** Whether a replica that is damaged too counts as one that holds nothing. */
  readonly acceptsLoss: boolean;
}

const retryEveryMs = 2_000;
const tellEveryMs = 60_000;
/** Each may bring a value of 1 MiB from every other replica. */
const healedAtOnce = 8;

export class DamageHealer {
  readonly #components: DamageHealerComponents;
  readonly #options: DamageHealerOptions;
  readonly #pause: Pause;
  /** When each damaged key was found. */
  readonly #found = new Map<string, number>();
  #running: Promise<void> | undefined;
  #healed = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(components: DamageHealerComponents, options: DamageHealerOptions) {
    this.#components = components;
    this.#options = options;
    this.#pause = new Pause(components.clock);
  }

  start(): void {
    const { storage } = this.#components;
    for (const key of storage.damagedKeys()) this.#onFound(key);
    storage.onDamage((key) => this.#onFound(key));
  }

  /** Settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#pause.end();
    await this.#running;
  }

  /** How many keys wait to be healed, and how many were since the start. */
  status(): { readonly waiting: number; readonly healed: number } {
    return { waiting: this.#found.size, healed: this.#healed };
  }

  #onFound(key: Uint8Array): void {
    const { clock, logger, ring } = this.#components;
    const mapKey = bytesToMapKey(key);
    if (this.#found.has(mapKey)) return;
    this.#found.set(mapKey, clock.monotonicMs());
    logger.error('damaged record: no answer for its key until all other replicas were asked', {
      token: ring.partitioner.tokenOf(key),
    });
    logger.debug('the key of the damaged record', { key: formatHex(key) });
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#found.size > 0 && !this.#pause.isEnded) {
      const dueMs = this.#components.clock.monotonicMs() - formerLifeMs;
      const due = [...this.#found].filter(([, foundMs]) => foundMs <= dueMs);
      for (let from = 0; from < due.length && !this.#pause.isEnded; from += healedAtOnce) {
        const some = due.slice(from, from + healedAtOnce);
        await Promise.all(some.map(([mapKey]) => this.#tryToHeal(mapKey)));
      }
      if (this.#found.size > 0) await this.#pause.rest(retryEveryMs);
    }
    this.#running = undefined;
  }

  async #tryToHeal(mapKey: string): Promise<void> {
    const { logger, ring } = this.#components;
    const key = mapKeyToBytes(mapKey);
    const token = ring.partitioner.tokenOf(key);
    try {
      if (!(await this.#heal(key))) return;
    } catch (error: unknown) {
      logger.warn('healing failed', { token, reason: QuorateError.from(error).message });
      return;
    }
    this.#found.delete(mapKey);
    this.#healed++;
    logger.info('damaged record healed from all other replicas', { token });
  }

  async #heal(key: Uint8Array): Promise<boolean> {
    const { ring, storage } = this.#components;
    const replicas = ring.preferenceList(ring.partitioner.tokenOf(key));
    const { node: own, acceptsLoss } = this.#options;
    const isHeld = replicas.includes(own);
    const others = isHeld ? replicas.filter((node) => node !== own) : [];
    if (isHeld && others.length === 0) return false;
    const replies = await Promise.all(
      others.map((node) => askReplica(this.#components, node, { operation: 'read-value', key })),
    );
    const held = replies.flatMap((reply) => (reply.outcome === 'ok' ? [reply.record] : []));
    const lost = replies.filter(isDamaged).length;
    if (held.length + lost < others.length || this.#pause.isEnded) return false;
    if (lost > 0 && !(acceptsLoss && held.length > 0)) {
      this.#tellOfLoss(key, lost);
      return false;
    }
    const newest = held.reduce(
      (left, right) => (compareVersions(left?.version, right?.version) < 0 ? right : left),
      undefined,
    );
    // The marks come first: once the record is gone nothing tells of its key.
    if (newest === undefined) await this.#markOwnTokens();
    await storage.heal(key, newest);
    return true;
  }

  async #markOwnTokens(): Promise<void> {
    const { dirty, logger, ring } = this.#components;
    logger.error('a damaged key: another one is missing here, all tokens are to be copied');
    await dirty.mark(this.#options.node, ring.tokensHeld(this.#options.node));
  }

  /** Nothing but an operator can end this, so it is said again and again. */
  #tellOfLoss(key: Uint8Array, lost: number): void {
    const { clock, logger, ring } = this.#components;
    if (clock.monotonicMs() < this.#toldAtMs + tellEveryMs) return;
    this.#toldAtMs = clock.monotonicMs();
    logger.error(
      'a record is damaged on several replicas: its newest version may be lost; to go on with the newest that is left, start this node once with --accept-lost-records',
      { token: ring.partitioner.tokenOf(key), replicas: lost + 1 },
    );
  }
}

function isDamaged(reply: ReplicaReply): boolean {
  return reply.outcome === 'refused' && reply.reason === 'damaged';
}
