/** The comparison with others: what goes over the wire, what h2load says, and what it comes to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CompareSample, planCompare, ratiosOf, rowsOf } from '../../bench/compare-plan.ts';
import { subjectNames, wireCallOf } from '../../bench/compare-subjects.ts';
import { decodeEtcdValueBytes, encodeEtcd } from '../../bench/etcd-kv.ts';
import { frameOf, parseH2load } from '../../bench/h2load.ts';
import { GetRequest, PutRequest } from '../../generated/quorate/v1/key_value.ts';

function sample(callsPerSecond: number): CompareSample {
  return { callsPerSecond, p50Ms: 1, p99Ms: 2, serverMicros: 50, failed: 0 };
}

describe('the calls of a comparison', () => {
  it('are the bytes that etcd documents', () => {
    assert.deepEqual(encodeEtcd('put', Buffer.from('k'), 2), Buffer.from('\x0a\x01k\x12\x02vv'));
    assert.deepEqual(encodeEtcd('get', Buffer.from('k'), 2), Buffer.from('\x0a\x01k'));
    // A header, one pair of key, revision and value, and a count.
    const pair = '\x0a\x01k\x10\x07\x2a\x03vvv';
    const found = Buffer.from(`\x0a\x02\x08\x01\x12\x0a${pair}\x20\x01`);
    assert.equal(decodeEtcdValueBytes(found), 3);
    assert.equal(decodeEtcdValueBytes(Buffer.from('\x0a\x02\x08\x01')), undefined);
  });

  it('carry the same key and value to all', () => {
    const servers = { echo: 'a:1', quorate: ['b:2', 'c:3'], etcd: 'd:4' };
    const put = wireCallOf('quorate put QUORUM', servers);
    const { keyForm, valueForm } = PutRequest.decode(put.message);
    assert.ok(keyForm?.$case === 'rawKey' && valueForm?.$case === 'value');
    const etcd = wireCallOf('etcd put', servers);
    const same = encodeEtcd('put', keyForm.value, valueForm.value.length);
    assert.deepEqual(etcd.message, same);
    const { keyForm: read } = GetRequest.decode(wireCallOf('quorate get ONE', servers).message);
    assert.deepEqual(read, keyForm);
    assert.deepEqual(
      subjectNames.map((name) => wireCallOf(name, servers).address),
      ['a:1', 'b:2', 'd:4', 'b:2', 'd:4', 'b:2'],
    );
  });

  it('are framed as gRPC frames messages', () => {
    assert.deepEqual([...frameOf(Buffer.alloc(258, 7)).subarray(0, 6)], [0, 0, 0, 1, 2, 7]);
  });
});

describe('the report of h2load', () => {
  const report = `finished in 3.00s, 12345.00 req/s, 3.00MB/s
requests: 37037 total, 37101 started, 37037 done, 36000 succeeded, 7 failed, 5 errored, 0 timeout
status codes: 37037 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 9.00MB (9437184) total, 1.00MB (1048576) headers (space savings 90.00%), 4.12MB (4320000) data
`;

  it('is read: answers a second, failures, and how long answers are', () => {
    assert.deepEqual(parseH2load(report, 3), {
      callsPerSecond: 12_000,
      failed: 12,
      answerBytes: 120,
    });
  });

  it('is no result where it is not there', () => {
    assert.equal(parseH2load('could not connect', 3), undefined);
  });
});

describe('the result of a comparison', () => {
  it('has medians of the runs, and ratios within each run', () => {
    const phases = planCompare([16], ['h2load', 'typed client']);
    const speeds = [1, 3, 2];
    const runs = speeds.map((speed) =>
      phases.map(({ tool, subject }) => {
        const calls = subject.startsWith('quorate') ? 900 : 600;
        return sample((tool === 'h2load' ? calls : calls * 10) * speed);
      }),
    );
    const rows = rowsOf(phases, runs);
    assert.deepEqual(
      rows.map(({ subject, callsPerSecond }) => [subject, callsPerSecond]).slice(0, 2),
      [
        ['echo', 1_200],
        ['quorate put QUORUM', 1_800],
      ],
    );
    const ratios = ratiosOf(rows);
    assert.deepEqual(
      ratios.map(({ yardstick, ratio }) => [yardstick, ratio]),
      [
        ['etcd put', 1.5],
        ['etcd get', 1.5],
        ['echo', 1.5],
        ['etcd put (h2load, 16)', 15],
        ['etcd get (h2load, 16)', 15],
        ['echo (h2load, 16)', 15],
      ],
    );
  });

  it('says what is not there, and leaves its ratios open', () => {
    const phases = planCompare([16], ['grpc-js']);
    const run = phases.map(({ subject }) =>
      subject.startsWith('etcd') ? 'etcd is not installed' : sample(100),
    );
    const rows = rowsOf(phases, [run]);
    assert.equal(
      rows.find(({ subject }) => subject === 'etcd put')?.absent,
      'etcd is not installed',
    );
    assert.deepEqual(
      ratiosOf(rows).map(({ ratio }) => ratio),
      [undefined, undefined, 1],
    );
    assert.ok(rowsOf(phases, []).every(({ absent }) => absent === 'interrupted'));
  });
});
