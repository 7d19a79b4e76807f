import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLevel, parseMode } from '../../src/config/choices.ts';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';
import { parseHostPort } from '../../src/config/host-port.ts';
import { parseSettings, settingsOfEnvironment } from '../../src/config/settings.ts';

describe('settings', () => {
  it('come from the environment by the names of flags', () => {
    const environment = { QUORATE_CLUSTER_NAME: 'blue', QUORATE_EMPTY: '', PATH: '/bin' };
    assert.deepEqual(settingsOfEnvironment(environment), { 'cluster-name': 'blue' });
  });

  it('come from a JSON object, numbers and booleans as text', () => {
    const text = '{"mode": "BOTH", "restart": true, "replication-factor": 3}';
    assert.deepEqual(parseSettings(text, 'a.json'), {
      mode: 'BOTH',
      restart: 'true',
      'replication-factor': '3',
    });
  });

  for (const text of ['{', '[]', 'null', '{"mode": {}}', '{"mode": null}']) {
    it(`do not come from ${text}`, () => {
      assert.throws(() => parseSettings(text, 'a.json'), {
        code: 'CONFIGURATION',
        message: /^a\.json: /,
      });
    });
  }
});

describe('a duration', () => {
  for (const [text, ms] of [
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5s', 1_500],
    ['1m', 60_000],
    ['2h', 7_200_000],
    ['10d', 864_000_000],
  ] as const) {
    it(`is read from ${text}`, () => assert.equal(parseDuration(text), ms));
    it(`is read from ${text} after it was written`, () =>
      assert.equal(parseDuration(formatDuration(ms)), ms));
  }

  for (const text of ['', '5', '-1s', '0s', '1 s', '1sec']) {
    it(`is not "${text}"`, () =>
      assert.throws(() => parseDuration(text), { code: 'CONFIGURATION' }));
  }
});

describe('an address', () => {
  for (const [text, formatted] of [
    ['localhost:9090', 'localhost:9090'],
    ['10.0.0.1:1', '10.0.0.1:1'],
    ['[::1]:9090', '[::1]:9090'],
  ] as const) {
    it(`is read from ${text}`, () => assert.equal(parseHostPort(text), formatted));
  }

  for (const text of ['localhost', ':9090', 'host:', 'host:0', 'host:65536', '::1:9090', 'a b:1']) {
    it(`is not "${text}"`, () =>
      assert.throws(() => parseHostPort(text), { code: 'CONFIGURATION' }));
  }
});

describe('a word from a list', () => {
  it('is taken in any case', () => {
    assert.equal(parseLevel('quorum'), 'QUORUM');
    assert.equal(parseMode('Read-Repair'), 'READ-REPAIR');
  });

  it('is refused with the list', () => {
    assert.throws(() => parseMode('some'), { message: /READ-REPAIR, HINTED-HANDOFF, BOTH, NONE/ });
  });
});
