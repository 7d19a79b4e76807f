import type { VersionedValue } from '../record/versioned-value.ts';
import { type Token, tokenCount } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import type { Tables } from '../storage/tables.ts';
import { decodeRow, decodeRowKey } from './hint-format.ts';

/**
 * Looks through the rows that an earlier run left: which of them are hints that can be delivered,
 * and whose tokens are DIRTY for those that cannot. It changes nothing.
 */
export interface FoundHint {
  readonly target: string;
  readonly sequence: number;
  readonly key: Uint8Array;
  readonly keptAtMs: number;
  readonly record: VersionedValue;
}

export interface LostRows {
  readonly rowKeys: readonly Uint8Array[];
  /** By target what it may miss. */
  readonly tokens: ReadonlyMap<string, ReadonlySet<Token>>;
}

/**
 * @param node the node that keeps the hints.
 * @param onFound called with each hint, the longest kept of a target first; its bytes may be kept.
 */
export function readRows(
  tables: Tables,
  ring: Ring,
  node: string,
  onFound: (hint: FoundHint) => void,
): LostRows {
  const others = ring.nodes.filter((other) => other !== node);
  const rowKeys: Uint8Array[] = [];
  const tokens = new Map(others.map((other) => [other, new Set<Token>()] as const));
  tables.scan('hints', new Uint8Array(), ({ key: rowKey, value }) => {
    const place = decodeRowKey(rowKey);
    const row = place && decodeRow(rowKey, value);
    const isKnown = place !== undefined && others.includes(place.target);
    if (isKnown && row?.record !== undefined) {
      onFound({ ...place, key: row.key, keptAtMs: row.keptAtMs, record: row.record });
      return true;
    }
    rowKeys.push(rowKey);
    // Where nobody can tell what was missed, or by whom, it may be any token of any node. Of a
    // node that left the ring, those who hold its tokens now miss the write.
    const lost = row === undefined ? everyToken : [ring.partitioner.tokenOf(row.key)];
    const targets = row !== undefined && isKnown ? [place.target] : others;
    for (const target of targets) {
      const held = lost.filter((token) => ring.holds(target, token));
      for (const token of held) tokens.get(target)?.add(token);
    }
    return true;
  });
  return { rowKeys, tokens };
}

const everyToken: readonly Token[] = Array.from({ length: tokenCount }, (_, token) => token);
