import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf, summaryOf } from './check-history.ts';
import { callsOf } from './known-calls.ts';

describe('the check of a history', () => {
  it('looks at each key alone, and names it', () => {
    const good = callsOf('a 0-1 put x\nb 2-3 get x');
    const bad = callsOf('a 0-1 put y\nb 2-3 get nothing').map((call) => ({ ...call, key: 'm' }));
    assert.deepEqual(problemsOf(good), []);
    const problems = problemsOf([...good, ...bad]);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^key m: not linearizable/);
    assert.match(problems[0] ?? '', /\n {2}a {2}0–1 {2}put {2}QUORUM {2}ok {2}"y"\n/);
    assert.match(problems[0] ?? '', /\n {2}b {2}2–3 {2}get {2}QUORUM {2}ok {2}absent$/);
  });

  it('says that it is undecided when it has looked at too much', () => {
    const calls = callsOf('a 0-1 put x\nb 2-3 get x');
    assert.match(problemsOf(calls, { statesMax: 0 })[0] ?? '', /undecided/);
  });

  it('counts the calls by kind, level and outcome', () => {
    const calls = callsOf('a 0-1 put x\nb 0-? put y\nc 0-1 put z failed\nd 0-1 get x ONE');
    assert.deepEqual(summaryOf(calls), [
      { kind: 'put', level: 'QUORUM', ok: 1, uncertain: 1, failed: 1 },
      { kind: 'get', level: 'ONE', ok: 1, uncertain: 0, failed: 0 },
    ]);
  });
});
