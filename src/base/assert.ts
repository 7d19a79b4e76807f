/**
 * Checks a condition that only a mistake in this program can break. It stays on in production: a
 * node that knows that it is wrong stops before it spreads the error.
 *
 * @throws Error with the sentence, never caught on purpose.
 */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${sentence}`);
}
