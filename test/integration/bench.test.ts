/** The benchmark from end to end, briefly: its result, a running cluster, and Ctrl-C. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CliProcess, runCli, startCluster } from '../support/processes.ts';

const brief = ['--seconds', '0.1', '--rounds', '1', '--in-flight', '4', '--keys', '20'];

interface Report {
  readonly results: readonly {
    readonly operation: string;
    readonly errors: number;
    readonly wrong: number;
    readonly unsent: number;
    readonly perSecondAsked?: number;
  }[];
}

describe('bench', () => {
  it('measures an own cluster beside the echo and prints only its result on stdout', async () => {
    const { code, stdout } = await runCli(['bench', ...brief, '-o', 'json']);
    assert.equal(code, 0);
    const { results } = JSON.parse(stdout) as Report;
    const names = results.map(({ operation }) => operation);
    assert.deepEqual(names, [
      ...['echo', 'get ONE', 'get ONE, on disk', 'get QUORUM', 'get QUORUM, on disk'],
      ...['put ONE', 'put ONE, on disk', 'put QUORUM', 'put QUORUM, on disk'],
    ]);
    assert.ok(results.every(({ errors }) => errors === 0));
  });

  it('measures a running cluster and takes its keys away', async () => {
    const cluster = await startCluster();
    try {
      const server = cluster.address('replica1');
      const { code, stdout } = await runCli(['bench', ...brief, '-s', server]);
      assert.equal(code, 0);
      assert.match(stdout, /put QUORUM/);
      const loop = [
        '--rate',
        '500',
        '--read-share',
        '0.5',
        '--levels',
        'QUORUM',
        '--connections',
        '2',
      ];
      const path = ['--path', 'pipelined', '--coordinators', 'all', '--distribution', 'zipf'];
      const short = ['--seconds', '0.2', '--rounds', '1', '--keys', '20'];
      const open = await runCli(['bench', ...short, ...loop, ...path, '-s', server, '--json']);
      const { results } = JSON.parse(open.stdout) as Report;
      assert.deepEqual(
        results.map(({ operation, errors, wrong, perSecondAsked }) => ({
          ...{ operation, errors, wrong, perSecondAsked },
        })),
        ['echo', '50% get QUORUM'].map((operation) => ({
          ...{ operation, errors: 0, wrong: 0, perSecondAsked: 500 },
        })),
      );
      const tooMuch = ['--rate', '300000', '--levels', 'ONE', '--read-share', '1'];
      const most = await runCli(['bench', ...short, ...tooMuch, '-s', server, '--json']);
      assert.deepEqual(
        (JSON.parse(most.stdout) as Report).results.map(({ unsent }) => unsent > 0),
        [true, true],
        'what is asked over capacity is counted',
      );
      for await (const { value } of cluster.client('replica0').listEntries()) {
        assert.equal(value, undefined);
      }
    } finally {
      await cluster.stop();
    }
  });

  it('stops all that it started on Ctrl-C', async () => {
    const bench = new CliProcess(['bench', '--seconds', '30']);
    await bench.until('it starts', () => bench.stderr.includes('starting 4 nodes'));
    bench.signal('SIGINT');
    assert.deepEqual(await bench.exited, { code: 130, signal: null });
    assert.match(bench.stderr, /interrupted/);
  });

  it('refuses what has no end', async () => {
    const { code, stderr } = await runCli(['bench', '--rounds', '1000000']);
    assert.equal(code, 2);
    assert.match(stderr, /--rounds 1000000 is not a number from 1 to 20/);
  });
});
