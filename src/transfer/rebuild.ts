import { QuorateError } from '../base/quorate-error.ts';
import type { ReplicaStanding } from '../record/replica-messages.ts';
import type { Ring } from '../ring/ring.ts';
import { noTokens, type TokenSet } from '../ring/token-set.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Storage } from '../storage/storage.ts';
import type { DirtySink } from './dirty-sink.ts';
import { Pause } from './pause.ts';
import type { RebuildProgress, SourceProgress } from './rebuild-progress.ts';
import type { CopyProgress, TokenCopier } from './token-copier.ts';

/**
 * Fills the disk of a node that lost its data. What the lost disk had acknowledged may be on one
 * other replica only, and nobody knows on which: so the node takes writes, but answers no read and
 * no version query until it has copied all its tokens from EVERY other replica of each.
 *
 * The copy begins 31 s after the start of the process: until then requests may be under way that
 * count an acknowledgement of the lost disk, while the other one that they need is not there yet.
 * Whatever is acknowledged later does not count on what is missing here, since this node takes
 * writes meanwhile and keeps them. For the same reason a copy may be interrupted and go on at its
 * cursor, and a key behind the cursor need not be looked at again.
 *
 * A record that is damaged at a source is lost on two replicas: it becomes a damaged one here too, so
 * that its key alone waits for an operator and all others are served.
 *
 * With the disk the hints for other nodes are lost, also those of tokens that are none of its own: all
 * tokens of the others become DIRTY.
 */
export interface RebuildComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: Ring;
  readonly copier: Pick<TokenCopier, 'copyFrom' | 'sourcesOf'>;
  readonly replica: { setStanding(change: Partial<ReplicaStanding>): void };
  readonly storage: Pick<Storage, 'markDamaged'>;
  readonly progress: RebuildProgress;
  readonly dirty: DirtySink;
}

/** How far a rebuild has come. */
export interface RebuildStatus {
  /** Whether all is copied and reads are answered. */
  readonly isOver: boolean;
  /** How many other replicas there are to copy from, and from how many all is copied. */
  readonly sources: number;
  readonly sourcesDone: number;
  readonly keysCopied: number;
}

/**
 * How long requests may live that count what the last run of this node has answered: the cap of
 * deadlines, 30 s, and one more second for clocks that run apart.
 */
export const formerLifeMs = 31_000;
const retryEveryMs = 1_000;
const saveEveryMs = 500;
const tellEveryMs = 60_000;

export class Rebuild {
  readonly #components: RebuildComponents;
  readonly #node: string;
  readonly #pause: Pause;
  readonly #tokens: ReadonlyMap<string, TokenSet>;
  readonly #sources = new Map<string, SourceProgress>();
  #keysCopied = 0;
  #isOver = false;
  #areOthersMarked = false;
  #savedAtMs = 0;
  #toldAtMs: number;
  #running: Promise<void> | undefined;

  /**
   * From here on the replica does not say what it holds.
   *
   * @param node the node that has lost its disk.
   */
  constructor(components: RebuildComponents, node: string) {
    this.#components = components;
    this.#node = node;
    const { clock, copier, ring, replica, progress } = components;
    this.#pause = new Pause(clock);
    this.#toldAtMs = clock.monotonicMs();
    replica.setStanding({ servesReads: false });
    this.#tokens = copier.sourcesOf(ring.tokensHeld(node));
    const saved = progress.read();
    // With another ring a source has other tokens, and its cursor says nothing.
    const known = saved?.ringDigest === ring.digest() ? saved : undefined;
    this.#areOthersMarked = known !== undefined;
    this.#keysCopied = known?.keysCopied ?? 0;
    for (const source of this.#tokens.keys()) {
      this.#sources.set(source, known?.sources.get(source) ?? fromTheFirst);
    }
  }

  /** Begins to wait, and then to copy. */
  start(): void {
    this.#components.logger.warn('rebuilding: answers no reads until all is copied', {
      sources: [...this.#sources.keys()].join(', '),
      beginsInMs: formerLifeMs,
    });
    this.#running = this.#run();
  }

  /** Settles when nothing is under way; what is left is for the next start. */
  async stop(): Promise<void> {
    this.#pause.end();
    await this.#running;
  }

  status(): RebuildStatus {
    return {
      isOver: this.#isOver,
      sources: this.#sources.size,
      sourcesDone: this.#sources.size - this.#waitsFor().length,
      keysCopied: this.#keysCopied,
    };
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#components;
    const beginMs = clock.monotonicMs() + formerLifeMs;
    while (!this.#pause.isEnded) {
      try {
        if (!this.#areOthersMarked) await this.#markOthers();
        if (clock.monotonicMs() >= beginMs && (await this.#copyAll())) return;
      } catch (error: unknown) {
        logger.warn('rebuilding is held up', { reason: QuorateError.from(error).message });
      }
      this.#tellWhatIsMissing();
      await this.#pause.rest(retryEveryMs);
    }
  }

  async #markOthers(): Promise<void> {
    const { dirty, ring } = this.#components;
    for (const target of ring.nodes) {
      if (target !== this.#node) await dirty.mark(target, ring.tokensHeld(target));
    }
    // Saved progress says that this is done.
    await this.#save();
    this.#areOthersMarked = true;
  }

  /** Goes on with each source. @returns whether the rebuild is over. */
  async #copyAll(): Promise<boolean> {
    const { copier, logger, progress, replica } = this.#components;
    for (const source of this.#waitsFor()) {
      const tokens = this.#tokens.get(source) ?? noTokens;
      const next = this.#sources.get(source)?.next;
      await copier.copyFrom(source, tokens, next, (made) => this.#onProgress(source, made));
      if (this.#pause.isEnded) return false;
    }
    if (this.#waitsFor().length > 0) return false;
    await progress.finish();
    this.#isOver = true;
    replica.setStanding({ servesReads: true });
    logger.info('rebuilt: answers reads again', { keysCopied: this.#keysCopied });
    return true;
  }

  async #onProgress(source: string, { next, copied, damaged }: CopyProgress): Promise<void> {
    if (damaged.length > 0) await this.#components.storage.markDamaged(damaged);
    this.#keysCopied += copied;
    this.#sources.set(source, { next: next ?? new Uint8Array(), isDone: next === undefined });
    const isDue = this.#components.clock.monotonicMs() - this.#savedAtMs >= saveEveryMs;
    if (isDue || next === undefined) await this.#save();
  }

  async #save(): Promise<void> {
    const { clock, progress, ring } = this.#components;
    this.#savedAtMs = clock.monotonicMs();
    await progress.save({
      ringDigest: ring.digest(),
      sources: new Map(this.#sources),
      keysCopied: this.#keysCopied,
    });
  }

  #waitsFor(): readonly string[] {
    return [...this.#sources].filter(([, { isDone }]) => !isDone).map(([source]) => source);
  }

  #tellWhatIsMissing(): void {
    const { clock, logger } = this.#components;
    if (clock.monotonicMs() - this.#toldAtMs < tellEveryMs) return;
    this.#toldAtMs = clock.monotonicMs();
    logger.warn('still rebuilding: every other replica must be there and answer', {
      waitsFor: this.#waitsFor().join(', '),
      keysCopied: this.#keysCopied,
    });
  }
}

const fromTheFirst: SourceProgress = { next: new Uint8Array(), isDone: false };
