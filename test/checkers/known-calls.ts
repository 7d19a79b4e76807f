import {
  type ConsistencyLevel,
  parseConsistencyLevel,
} from '../../src/consistency/consistency-level.ts';
import type { Call } from './history.ts';

/**
 * Histories as text, for tests. One call a line, such as
 *
 *   w1 0-10 put a
 *   w2 5-? put b ONE expires=1000 v2
 *   r1 20-30 get nothing ALL
 *   w3 40-50 delete failed
 *
 * The level is QUORUM unless it is said. `?` is an end that nobody heard: an uncertain outcome.
 */
export function callsOf(lines: string): Call[] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(callOf);
}

function callOf(line: string): Call {
  const [client = '', time = '', kind, ...words] = line.split(/\s+/);
  if (kind !== 'get' && kind !== 'put' && kind !== 'delete') throw new Error(`kind in: ${line}`);
  const [start, end] = time.split('-');
  const found = kind === 'delete' ? undefined : words.shift();
  let level: ConsistencyLevel = 'QUORUM';
  let outcome: Call['outcome'] = end === '?' ? 'uncertain' : 'ok';
  let version = '';
  let expires: { readonly expireTimeMs?: number } = {};
  for (const word of words) {
    const [, expireTimeMs] = /^expires=(\d+)$/.exec(word) ?? [];
    if (word === 'failed' || word === 'uncertain') outcome = word;
    else if (expireTimeMs !== undefined) expires = { expireTimeMs: Number(expireTimeMs) };
    else if (/^v\d/.test(word)) version = word;
    else {
      const parsed = parseConsistencyLevel(word);
      if (parsed === undefined) throw new Error(`${word} in: ${line}`);
      level = parsed;
    }
  }
  return {
    client,
    key: 'k',
    kind,
    level,
    startMs: Number(start),
    endMs: end === '?' ? undefined : Number(end),
    outcome,
    text: found === 'nothing' ? undefined : found,
    version,
    ...expires,
  };
}
