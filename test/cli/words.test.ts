import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { banner } from '../../src/cli/cluster/banner.ts';
import { describeError } from '../../src/cli/error-text.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { formatTokens } from '../../src/cli/hints-command.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { shorten, visible, visibleLines } from '../../src/cli/shown-text.ts';
import { formatTable } from '../../src/cli/table.ts';

describe('exit codes', () => {
  it('tell what a script does next', () => {
    const codeOf = (...args: ConstructorParameters<typeof QuorateError>) =>
      exitCodeOf(new QuorateError(...args));
    assert.equal(codeOf('CONFIGURATION'), 2);
    assert.equal(codeOf('NOT_ENOUGH_REPLICAS'), 3);
    assert.equal(codeOf('WRITE_TIMEOUT', { mayHaveApplied: false }), 3);
    assert.equal(codeOf('INVALID_KEY'), 4);
    assert.equal(codeOf('LEVEL_UNREACHABLE'), 4);
    assert.equal(codeOf('WRITE_TIMEOUT', { mayHaveApplied: true }), 5);
  });
});

describe('dirty tokens', () => {
  it('are counted and shown as ranges', () => {
    assert.equal(formatTokens([]), '-');
    assert.equal(formatTokens([7]), '1 (7)');
    assert.equal(formatTokens([0, 1, 2, 5, 254, 255]), '6 (0-2 5 254-255)');
  });
});

describe('an error on stderr', () => {
  it('names the reason, its numbers and the next step', () => {
    const error = new QuorateError('WRITE_TIMEOUT', { received: 1, mayHaveApplied: true }, 'late');
    assert.deepEqual(describeError(error), [
      'quorate: WRITE_TIMEOUT: late (received=1)',
      'quorate: the write may have been applied; read the key before you write again.',
    ]);
  });

  it('is one sentence if the configuration is wrong', () => {
    const error = new QuorateError('CONFIGURATION', { path: 'a' }, 'a: no; write b.');
    assert.deepEqual(describeError(error), ['quorate: a: no; write b.']);
  });
});

describe('a suggestion', () => {
  it('is the word with the fewest other letters', () => {
    assert.equal(nearest('servr', ['server', 'timeout']), 'server');
    assert.equal(nearest('tiemout', ['server', 'timeout']), 'timeout');
  });

  it('is not made if no word is near', () => {
    assert.equal(nearest('colour', ['server', 'timeout']), undefined);
    assert.equal(nearest('x', []), undefined);
  });
});

describe('text on a terminal', () => {
  it('has no control characters', () => {
    assert.equal(visible('a\n\t\u001b[31m\u007f\u009bé'), 'a\\n\\t\\x1b[31m\\x7f\\x9bé');
  });

  it('keeps its lines where it stands alone', () => {
    assert.equal(visibleLines('a\n\tb\r\u001bé'), 'a\n\tb\\x0d\\x1bé');
  });

  it('is cut between characters if it is long', () => {
    assert.equal(shorten('🎉'.repeat(60)), '🎉'.repeat(60));
    assert.equal(shorten('🎉'.repeat(61)), `${'🎉'.repeat(60)}… (61 characters)`);
  });
});

describe('a table', () => {
  it('has columns with spaces between them and no lines', () => {
    assert.equal(
      formatTable(
        ['node', 'state'],
        [
          ['replica0', 'up'],
          ['r1', 'down'],
        ],
      ),
      'node      state\nreplica0  up\nr1        down',
    );
  });
});

describe('the banner', () => {
  it('names every node and says what is not there', () => {
    const replicas = [
      { name: 'a', host: '127.0.0.1', port: 1 },
      { name: 'b', host: '::1', port: 2 },
    ];
    const text = banner(replicas, 'BOTH', { membership: 'static', storage: 'on a tape' }).join(
      '\n',
    );
    assert.match(text, /a {2}127\.0\.0\.1:1/);
    assert.match(text, /b {2}\[::1\]:2/);
    assert.match(text, /put 7 hello -s 127\.0\.0\.1:1/);
    assert.match(text, /static/);
    assert.match(text, /no TLS and no authentication/);
    assert.match(text, /Storage: on a tape/);
  });
});
