/** Console lines and what they ask for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import { parseConsoleLine } from '../../../src/cli/console/console-action.ts';
import {
  completeLine,
  consoleHelp,
  consoleVerbs,
} from '../../../src/cli/console/console-commands.ts';

const get = { verb: 'get', level: undefined, isExplained: false };
const put = { verb: 'put', level: undefined, isExplained: false, ttlMs: undefined };
const text = (value: string) => ({ kind: 'text', text: value });

const understood: readonly (readonly [string, unknown])[] = [
  ['', undefined],
  ['   # a comment with a " quote', undefined],
  ['get 7', { ...get, key: 7 }],
  ['  GET   text:7  one ', { ...get, key: '7', level: 'ONE' }],
  ['get hex:00ff', { ...get, key: Buffer.from([0, 255]) }],
  ['get "two words"', { ...get, key: 'two words' }],
  ['put 7 hello', { ...put, key: 7, value: text('hello') }],
  ['put 7 ""', { ...put, key: 7, value: text('') }],
  ['put 7 hello all', { ...put, key: 7, value: text('hello'), level: 'ALL' }],
  ['put 7 "a b\\n\\"c\\"\\\\"', { ...put, key: 7, value: text('a b\n"c"\\') }],
  ['put 7 \'a \\n "b"\'', { ...put, key: 7, value: text('a \\n "b"') }],
  ['put 7 "--json"', { ...put, key: 7, value: text('--json') }],
  ['put 7 --hex 00ff', { ...put, key: 7, value: { kind: 'bytes', bytes: Buffer.from([0, 255]) } }],
  [
    'put k --json {"a": "it\'s"}',
    { ...put, key: 'k', value: { kind: 'json', json: { a: "it's" } } },
  ],
  ["put k --json '[1, 2]'", { ...put, key: 'k', value: { kind: 'json', json: [1, 2] } }],
  [
    'put 7 --ttl 1.5s hello one',
    { ...put, key: 7, value: text('hello'), level: 'ONE', ttlMs: 1_500 },
  ],
  ['put 7 hello --ttl 10m', { ...put, key: 7, value: text('hello'), ttlMs: 600_000 }],
  [
    'put 7 hello ALL --ttl 2s',
    { ...put, key: 7, value: text('hello'), level: 'ALL', ttlMs: 2_000 },
  ],
  ['put 7 "--ttl" two', { ...put, key: 7, value: text('--ttl'), level: 'TWO' }],
  [
    'put k --ttl 1d --json [1]',
    { ...put, key: 'k', value: { kind: 'json', json: [1] }, ttlMs: 86_400_000 },
  ],
  ['put k --json "--ttl 1s"', { ...put, key: 'k', value: { kind: 'json', json: '--ttl 1s' } }],
  ['delete 255', { verb: 'delete', level: undefined, isExplained: false, key: 255 }],
  ['explain get 7', { ...get, key: 7, isExplained: true }],
  ['explain on', { verb: 'explain', isOn: true }],
  ['level quorum', { verb: 'level', level: 'QUORUM' }],
  ['level', { verb: 'level', level: undefined }],
  ['display replica1', { verb: 'display', node: 'replica1' }],
  ['use 127.0.0.1:9091', { verb: 'use', target: '127.0.0.1:9091' }],
  ['quit', { verb: 'exit' }],
];

const refused: readonly (readonly [string, RegExp])[] = [
  ['got 7', /"got" is not a command.*Did you mean get\?/],
  ['get', /write get <key>/],
  ['get 7 8', /"8" is not a level/],
  ['put 7', /write put <key> <value>/],
  ['put 7 hello world', /quotes around a value/],
  ['put 7 a "one"', /quotes around a value/],
  ['put 7 "open', /a quote is not closed/],
  ['put 7 --hex 0', /not hexadecimal/],
  ['put 7 --json {', /not JSON/],
  ['put 7 hello --ttl', /a duration after --ttl/],
  ['put 7 hello --ttl soon', /"soon" is not a duration/],
  ['put 7 --ttl 1s', /write put <key> <value>/],
  ['put 7 --ttl 1s hello --ttl 2s', /write put <key> <value>/],
  ['put', /a key is missing/],
  ['explain', /write explain on/],
  ['level MOST', /"MOST" is not a level/],
  ['exit now', /write exit/],
];

describe('a console line', () => {
  for (const [line, action] of understood) {
    it(`understands: ${line}`, () => assert.deepEqual(parseConsoleLine(line), action));
  }

  for (const [line, sentence] of refused) {
    it(`refuses: ${line}`, () => {
      assert.throws(
        () => parseConsoleLine(line),
        (error) =>
          error instanceof QuorateError &&
          error.code === 'CONFIGURATION' &&
          sentence.test(error.message),
      );
    });
  }

  it('is understood or refused, whatever it is', () => {
    const verb = fc.constantFrom(
      ...consoleVerbs,
      'put k --json',
      'put k --hex',
      'put k v --ttl',
      'explain get',
      '',
    );
    const rest = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant('"\\'));
    fc.assert(
      fc.property(verb, rest, (first, more) => {
        try {
          parseConsoleLine(`${first} ${more}`);
        } catch (error: unknown) {
          assert.ok(error instanceof QuorateError, String(error));
          assert.equal(error.code, 'CONFIGURATION');
        }
      }),
    );
  });

  it('gives back any text that is quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const quoted = `"${value.replace(/[\\"]/g, '\\$&')}"`;
        assert.deepEqual(parseConsoleLine(`put 1 ${quoted}`), {
          ...put,
          key: 1,
          value: text(value),
        });
      }),
    );
  });
});

describe('completion', () => {
  it('completes verbs, levels and nodes', () => {
    assert.deepEqual(completeLine('le', []), [['level '], 'le']);
    assert.deepEqual(completeLine('level q', []), [['QUORUM '], 'q']);
    assert.deepEqual(completeLine('use r', ['replica0', 'other']), [['replica0 '], 'r']);
    assert.deepEqual(completeLine('get 7', []), [[], '7']);
  });

  it('knows every verb that help tells of', () => {
    const lines = consoleHelp().join('\n');
    for (const verb of consoleVerbs) assert.match(lines, new RegExp(`^${verb} `, 'm'));
  });
});
