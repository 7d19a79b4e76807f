import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatLogLine, PinoLogger } from '../../src/runtime/pino-logger.ts';

/** The lines that a logger writes. */
function logTo(lines: string[], isTTY: boolean) {
  return {
    isTTY,
    write: (line: string) => lines.push(line),
  };
}

describe('the log', () => {
  it('is one JSON object a line with time, level, node, event and data', () => {
    const lines: string[] = [];
    new PinoLogger(logTo(lines, false), { node: 'a' }).warn('peer is down', { peer: 'b' });
    assert.equal(lines.length, 1);
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as { time: string };
    assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual(rest, {
      level: 'warn',
      node: 'a',
      event: 'peer is down',
      data: { peer: 'b' },
    });
    assert.match(lines[0] ?? '', /\n$/);
  });

  it('leaves out what is below its level', () => {
    const lines: string[] = [];
    const logger = new PinoLogger(logTo(lines, false), { node: 'a', level: 'error' });
    logger.debug('1');
    logger.info('2');
    logger.warn('3');
    logger.error('4');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { event: string }).event),
      ['4'],
    );
  });

  it('is a readable line on a terminal', () => {
    const lines: string[] = [];
    new PinoLogger(logTo(lines, true), { node: 'a' }).info('ready', { address: 'x:1', n: 2 });
    const escapeCode = String.fromCharCode(27);
    const plain = (lines[0] ?? '').replaceAll(new RegExp(`${escapeCode}\\[\\d+m`, 'g'), '');
    assert.match(plain, /^\d\d:\d\d:\d\d\.\d{3} info {2}ready address=x:1 n=2\n$/);
  });

  it('does not take other lines for its own', () => {
    for (const line of ['', 'Error: no', '{"a": 1}', '{', '{"time": 1}']) {
      assert.equal(formatLogLine(line, false), undefined);
    }
  });
});
