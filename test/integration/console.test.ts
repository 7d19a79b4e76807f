/** The console on real nodes through a pipe: its data, its exit codes, and what it survives. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CliProcess, type ProcessCluster, runCli, startCluster } from '../support/processes.ts';

let cluster: ProcessCluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** Runs a console on these lines to its end. */
function runConsole(lines: readonly string[] | Uint8Array, ...args: readonly string[]) {
  const input = lines instanceof Uint8Array ? lines : lines.map((line) => `${line}\n`).join('');
  return runCli(['console', cluster.address('replica0'), ...args], { input });
}

describe('the console in a pipe', () => {
  it('puts, gets and deletes, with data on stdout and no prompt', async () => {
    const { code, stdout, stderr } = await runConsole([
      'put 7 "hello world"',
      'get 7',
      'put user:42 --json {"name": "it\'s"}',
      'get user:42 ONE',
      'put 8 --hex 00ff',
      'get 8',
      'delete 7',
      'get 7',
      'locate 63',
    ]);
    const data = stdout.split('\n').filter((line) => !/^(stored|deleted) at /.test(line));
    assert.deepEqual(data, [
      'hello world',
      '{"name":"it\'s"}',
      'hex:00ff',
      'token 63 on replica0, replica1, replica2 (ring epoch 1)',
      '',
    ]);
    assert.match(stderr, /^Key does not exist \(deleted at /);
    assert.equal(code, 0);
  });

  it('takes host and port as two words', async () => {
    const [host = '', port = ''] = cluster.address('replica1').split(':');
    const { code, stdout } = await runCli(['console', host, port], { input: 'status' });
    assert.equal(code, 0);
    assert.match(stdout, /^replica1 of quorate: ready/);
  });

  it('ends with 1 if the last command was a get of an absent key', async () => {
    assert.equal((await runConsole(['get text:never-written'])).code, 1);
  });

  it('stops at the first error, with its exit code', async () => {
    const { code, stdout, stderr } = await runConsole(['putt 1 2', 'put 1 2']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /Did you mean put\?/);
  });

  it('goes on after an error if told to', async () => {
    const { code, stdout } = await runConsole(['put 300 --json {', 'level'], '--keep-going');
    assert.deepEqual({ code, stdout }, { code: 2, stdout: 'QUORUM\n' });
  });

  it('survives bytes of any kind', async () => {
    const bytes = Buffer.alloc(64 * 1024);
    let state = 1;
    for (let index = 0; index < bytes.length; index++) {
      state = (state * 48_271) % 2_147_483_647;
      bytes[index] = state % 256;
    }
    const input = Buffer.concat([bytes, Buffer.from('\nput 9 "\u0000"\nput 9 end\nget 9\n')]);
    const { code, signal, stdout } = await runConsole(input, '--keep-going');
    assert.deepEqual({ code, signal }, { code: 2, signal: null });
    assert.match(stdout, /\nend\n$/);
  });

  it('displays what each node holds and names a node that is gone', async () => {
    await runConsole(['put 200 here']);
    await cluster.kill('replica3');
    const { code, stdout, stderr } = await runConsole(['display']);
    await cluster.restart('replica3');
    assert.equal(code, 0);
    assert.match(stdout, /replica0 at \S+ holds[\s\S]*200 {2}here/);
    assert.match(stderr, /^replica3 at \S+ cannot be reached/);
  });

  it('says when its coordinator is gone, and is with it again when it is back', async () => {
    const name = 'replica2';
    const console = new CliProcess(['console', cluster.address(name), '--keep-going']);
    console.type('put 130 before');
    await console.until('the put is done', () => console.stdout.includes('stored at'));
    await cluster.kill(name);
    console.type('get 130');
    await console.until('it says so', () => console.stderr.includes('does not answer'));
    await cluster.restart(name);
    await cluster.untilMet();
    const answered = () => console.stdout.includes('\nbefore\n');
    // Until gRPC's own back-off is over, the console says that the node does not answer.
    await console.until('it is answered', () => {
      if (!answered()) console.type('get 130');
      return answered();
    });
    console.closeInput();
    assert.deepEqual(await console.exited, { code: 3, signal: null });
  });
});
