import type { Version } from '../record/version.ts';
import type { KnownKey } from './known-keys.ts';
import type { Change } from './tables.ts';

/** A record that was handed to the tables, to be stored or removed, where that is not durable yet. */
export interface InFlight {
  readonly known: KnownKey<InFlight>;
  version: Version;
  readonly isRemoval: boolean;
  /** The store, as long as its transaction has not begun, so that a newer record can take its place. */
  waiting: StoringChange | undefined;
  /** Set within the call that entered it. */
  flushed: Promise<void> | undefined;
}

/** A store, whose record may be replaced until its transaction begins. */
export interface StoringChange extends Change {
  value: Uint8Array;
}

/** @param waiting the store; `undefined` for a removal. */
export function enterFlight(
  known: KnownKey<InFlight>,
  version: Version,
  waiting: StoringChange | undefined,
): InFlight {
  const isRemoval = waiting === undefined;
  known.flight = { known, version, isRemoval, waiting, flushed: undefined };
  return known.flight;
}
