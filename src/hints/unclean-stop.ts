import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import { TokenSet } from '../ring/token-set.ts';

/**
 * What a node must mark DIRTY when it finds that its last run did not end in order: it may have
 * died between the answer to a client and the hint, so each replica of a token that was being
 * written may miss a write. That includes the node itself, whose own flush may not have happened
 * while two others acknowledged.
 *
 * @param writing the tokens whose writes the node was coordinating.
 * @returns by replica its tokens.
 */
export function marksAfterUncleanStop(
  writing: TokenSet,
  ring: Ring,
): ReadonlyMap<string, TokenSet> {
  const marks = new Map<string, Token[]>(ring.nodes.map((node) => [node, []]));
  for (const token of writing.tokens()) {
    for (const replica of ring.preferenceList(token)) marks.get(replica)?.push(token);
  }
  return new Map([...marks].map(([node, tokens]) => [node, TokenSet.of(tokens)] as const));
}
