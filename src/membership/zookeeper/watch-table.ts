import { assert } from '../../base/assert.ts';
import type { ChangeKind } from './connection.ts';

/** Called once, when what was read may have changed. */
export type OnChange = () => void;

const listenersMax = 100;

/**
 * Who waits for which watch of the connection. The client keeps a listener for each read of the
 * same znode until the watch fires, which for a quiet znode that is read every 10 s is never; here
 * a function is kept once, and all are forgotten when the connection, and its watches, end.
 */
export class WatchTable {
  readonly #listeners = new Map<string, Set<OnChange>>();

  /** @returns what takes it back, if the read failed and left no watch. */
  add(kind: ChangeKind, path: string, onChange: OnChange): () => void {
    const key = `${kind} ${path}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    const wasThere = listeners.has(onChange);
    listeners.add(onChange);
    assert(listeners.size <= listenersMax, 'whoever watches hands in the same function each time');
    this.#listeners.set(key, listeners);
    return () => {
      if (!wasThere) listeners.delete(onChange);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) {
        this.#listeners.delete(key);
      }
    };
  }

  fire(kind: ChangeKind, path: string): void {
    const key = `${kind} ${path}`;
    const listeners = this.#listeners.get(key) ?? [];
    this.#listeners.delete(key);
    for (const listener of listeners) listener();
  }

  clear(): void {
    this.#listeners.clear();
  }
}
