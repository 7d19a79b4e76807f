import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { parseReplicas } from '../../src/config/replicas-file.ts';

/** What is wrong with a file, as its user reads it. */
function refusal(text: string): string {
  try {
    parseReplicas(text, 'nodes.txt');
  } catch (error: unknown) {
    assert.ok(error instanceof QuorateError);
    assert.equal(error.code, 'CONFIGURATION');
    return error.message;
  }
  assert.fail('it was accepted');
}

describe('the replicas file', () => {
  it('reads name, host and port of each line, in order', () => {
    assert.deepEqual(parseReplicas('b host-1 2\na 10.0.0.1 65535\n', 'nodes.txt'), [
      { name: 'b', host: 'host-1', port: 2 },
      { name: 'a', host: '10.0.0.1', port: 65_535 },
    ]);
  });

  it('leaves out blank lines and comments, and takes tabs and Windows line ends', () => {
    const text = '# nodes\r\n\r\na\thost  1 # the first\r\n  b host 2  ';
    assert.deepEqual(
      parseReplicas(text, 'nodes.txt').map(({ name, port }) => [name, port]),
      [
        ['a', 1],
        ['b', 2],
      ],
    );
  });

  it('takes IPv6 addresses, with brackets or without', () => {
    const hosts = parseReplicas('a ::1 1\nb [fe80::1] 1', 'nodes.txt').map(({ host }) => host);
    assert.deepEqual(hosts, ['::1', 'fe80::1']);
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['an empty file', '# nothing\n', /^nodes\.txt:1: there are no nodes/],
    ['a line of two words', 'a host 1\nb host\n', /^nodes\.txt:2: "b host" is not/],
    ['a line of four words', 'a host 1 2', /^nodes\.txt:1: /],
    ['a port of 0', 'a host 0', /^nodes\.txt:1: "0" is not a port/],
    ['a port above 65535', 'a host 65536', /is not a port/],
    ['a port that is no number', 'a host 1x', /is not a port/],
    ['a name with a slash', 'a/b host 1', /cannot be the name of a node/],
    ['a name of 64 characters', `${'a'.repeat(64)} host 1`, /cannot be the name of a node/],
    ['a host with a port in it', 'a host:9090 9090', /is not a host/],
    ['a name twice', 'a host 1\n\na host 2', /^nodes\.txt:3: the name a is on line 1 already/],
    ['an address twice', 'a HOST 1\nb host 1', /^nodes\.txt:2: the address host:1 is on line 1/],
  ];
  for (const [what, text, sentence] of wrong) {
    it(`refuses ${what}`, () => assert.match(refusal(text), sentence));
  }

  it('takes 256 nodes and no more', () => {
    const lines = Array.from({ length: 257 }, (_, index) => `n${index} host ${index + 1}`);
    assert.equal(parseReplicas(lines.slice(0, 256).join('\n'), 'nodes.txt').length, 256);
    assert.match(refusal(lines.join('\n')), /^nodes\.txt:257: there are more than 256 nodes/);
  });

  it('ships with four nodes on this machine', () => {
    const path = new URL('../../../replicas.txt', import.meta.url);
    assert.deepEqual(
      parseReplicas(readFileSync(path, 'utf8'), 'replicas.txt'),
      [0, 1, 2, 3].map((index) => ({
        name: `replica${index}`,
        host: '127.0.0.1',
        port: 9090 + index,
      })),
    );
  });
});
