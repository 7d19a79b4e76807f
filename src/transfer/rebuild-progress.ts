import { decodeText, encodeText, formatHex, parseHex } from '../base/bytes.ts';
import type { Tables } from '../storage/tables.ts';

/** The durable memory of a rebuild, which exists while one is going on. */
export interface RebuildProgress {
  /** What was saved last; `undefined` before the first time. */
  read(): RebuildState | undefined;
  /** Settles when it is durable. */
  save(state: RebuildState): Promise<void>;
  /** Ends the rebuild; settles when that is durable. */
  finish(): Promise<void>;
}

/** How far a rebuild has come. */
export interface RebuildState {
  /** The ring that its sources and their tokens come from. */
  readonly ringDigest: string;
  readonly sources: ReadonlyMap<string, SourceProgress>;
  readonly keysCopied: number;
}

/** How far the copy from one other replica has come. */
export interface SourceProgress {
  /** The key at which the next slice begins. */
  readonly next: Uint8Array;
  readonly isDone: boolean;
}

export interface TablesRebuildProgressOptions {
  /** The key in the table `meta`. */
  readonly key: Uint8Array;
  /** Removes that key, and the mark that the node is rebuilding, in one step. */
  readonly finish: () => Promise<void>;
}

/** The progress of a rebuild beside the data that it copies: what it says is copied is there. */
export class TablesRebuildProgress implements RebuildProgress {
  readonly #tables: Tables;
  readonly #options: TablesRebuildProgressOptions;

  constructor(tables: Tables, options: TablesRebuildProgressOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  read(): RebuildState | undefined {
    const bytes = this.#tables.get('meta', this.#options.key);
    return bytes && decodeRebuildState(bytes);
  }

  save(state: RebuildState): Promise<void> {
    const value = encodeRebuildState(state);
    return this.#tables.write([{ table: 'meta', key: this.#options.key, value }]);
  }

  finish(): Promise<void> {
    return this.#options.finish();
  }
}

function encodeRebuildState({ ringDigest, sources, keysCopied }: RebuildState): Uint8Array {
  const rows = [...sources].map(([name, { next, isDone }]) => [name, formatHex(next), isDone]);
  return encodeText(JSON.stringify({ ringDigest, keysCopied, sources: rows }));
}

/** Bytes that say nothing mean that the copy begins anew, which is always right. */
function decodeRebuildState(bytes: Uint8Array): RebuildState | undefined {
  try {
    const { ringDigest, keysCopied, sources } = JSON.parse(decodeText(bytes) ?? '');
    const entries = (sources as readonly [string, string, boolean][]).map(
      ([name, next, isDone]) =>
        [name, { next: parseHex(next) ?? new Uint8Array(), isDone: isDone === true }] as const,
    );
    return {
      ringDigest: String(ringDigest),
      keysCopied: Number(keysCopied),
      sources: new Map(entries),
    };
  } catch {
    return undefined;
  }
}
