import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from './check-history.ts';
import { callsOf } from './known-calls.ts';
import { knownHistories } from './known-histories.ts';
import { linearizabilityOf } from './linearizability.ts';

describe('the verdict on', () => {
  for (const { name, lines, isLinearizable, problems } of knownHistories) {
    it(name, () => {
      const calls = callsOf(lines);
      const found = problemsOf(calls);
      assert.equal(found.length, problems.length, found.join('\n'));
      for (const [index, words] of problems.entries()) {
        assert.ok(found[index]?.includes(words), `${found[index]}\nsays nothing of "${words}"`);
      }
      assert.equal(linearizabilityOf(calls).kind === 'linearizable', isLinearizable);
    });
  }
});
