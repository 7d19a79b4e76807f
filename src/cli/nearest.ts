/** Finds the word that someone probably meant. */

/** The word that needs the fewest changes of a letter, if these are few; else `undefined`. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  // Two letters that changed places are two changes.
  const changesMax = typed.length < 3 ? 1 : Math.max(2, Math.floor(typed.length / 3));
  const ranked = words
    .map((word) => ({ word, changes: countChanges(typed, word) }))
    .sort((left, right) => left.changes - right.changes);
  const [best] = ranked;
  return best !== undefined && best.changes <= changesMax ? best.word : undefined;
}

/** The distance of Levenshtein: letters inserted, deleted or replaced. */
function countChanges(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, deleted));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
