import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConnectionString } from '../../../src/client/typed/connection-string.ts';

describe('a connection string', () => {
  it('names nodes and options', () => {
    const text =
      'quorate://127.0.0.1:9090,[::1]:9091,127.0.0.1:9090?consistency=one&timeout=1.5s&connect-timeout=10s&coordinator=replica0&pipelining=off&hedging=on';
    assert.deepEqual(parseConnectionString(text), {
      seeds: { kind: 'nodes', addresses: ['127.0.0.1:9090', '[::1]:9091'] },
      options: {
        consistency: 'ONE',
        timeoutMs: 1_500,
        connectTimeoutMs: 10_000,
        coordinator: 'replica0',
        pipelining: false,
        hedging: true,
      },
    });
  });

  it('names a ZooKeeper and the root of the cluster in it', () => {
    const { seeds, options } = parseConnectionString(
      'zookeeper://zk1:2181,zk2:2181/shop?timeout=3s',
    );
    assert.deepEqual(seeds, {
      kind: 'zookeeper',
      zookeeper: {
        servers: [
          { host: 'zk1', port: 2181 },
          { host: 'zk2', port: 2181 },
        ],
        root: '/shop',
      },
    });
    assert.deepEqual(options, { timeoutMs: 3_000 });
  });

  it('that is wrong is refused with what to write', () => {
    const wrong: readonly [string, RegExp][] = [
      ['localhost:9090', /write quorate:\/\/host:port/],
      ['http://localhost:9090', /write quorate:\/\/host:port/],
      ['quorate://', /is not host:port/],
      ['quorate://localhost', /is not host:port/],
      ['quorate://a:1,b', /"b" is not host:port/],
      ['zookeeper://a', /is not the address of a ZooKeeper/],
      ['quorate://a:1?level=one', /no parameter "level": use consistency, timeout/],
      ['quorate://a:1?__proto__=1', /no parameter "__proto__"/],
      ['quorate://a:1?consistency=most', /use ONE, TWO, THREE, QUORUM, ALL/],
      ['quorate://a:1?timeout=2', /is not a duration/],
      ['quorate://a:1?hedging=true', /hedging is on or off/],
    ];
    for (const [text, message] of wrong) {
      assert.throws(() => parseConnectionString(text), { code: 'CONFIGURATION', message }, text);
    }
  });
});
