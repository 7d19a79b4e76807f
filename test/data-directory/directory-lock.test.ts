import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { DirectoryLock } from '../../src/data-directory/directory-lock.ts';
import { isAlive, ownRun } from '../../src/data-directory/process-life.ts';
import { temporaryFolder } from '../support/processes.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** Above the greatest id that a system gives. */
const nobody = 99_999_999;

describe('the lock of a directory', () => {
  const { path: folder, remove } = temporaryFolder();
  after(remove);
  const random = new SeededRandom(1);
  let count = 0;

  function setUp(files: Readonly<Record<string, unknown>> = {}) {
    const directory = join(folder, String(count++));
    const inside = join(directory, 'lock');
    mkdirSync(inside, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      writeFileSync(join(inside, name), text);
    }
    const time = new SimulatedTime();
    const clock = new SimulatedHost(time);
    const take = () => time.settle(DirectoryLock.take(directory, { clock, random }), 2_000);
    const read = (name: string) => JSON.parse(readFileSync(join(inside, name), 'utf8')) as unknown;
    return { take, read, names: () => readdirSync(inside).sort(), time };
  }

  async function taken(lock: Promise<unknown>): Promise<DirectoryLock> {
    const outcome = await lock;
    assert.ok(outcome instanceof DirectoryLock, `held by ${JSON.stringify(outcome)}`);
    return outcome;
  }

  it('is for one at a time, and for the next after it is released', async () => {
    const { take, read, names, time } = setUp();
    const lock = await taken(take());
    assert.deepEqual(read('1'), ownRun());
    const sinceMs = time.nowMs;
    assert.deepEqual(await take(), ownRun());
    assert.ok(time.nowMs - sinceMs < 1_000, 'a refusal comes within a second');
    lock.release();
    const next = await taken(take());
    assert.deepEqual(names(), ['1', '2']);
    next.release();
  });

  it('is refused while another process lives that wrote its name', async () => {
    const { take, names } = setUp({ 1: { pid: process.ppid, start: '' } });
    assert.deepEqual(await take(), { pid: process.ppid, start: '' });
    assert.deepEqual(names(), ['1']);
  });

  it('comes free while a starter waits for a moment', async () => {
    const { take, time } = setUp();
    const first = await taken(take());
    time.at(time.nowMs + 300, () => first.release());
    (await taken(take())).release();
  });

  for (const [what, content] of Object.entries({
    'a process that is gone': { pid: nobody, start: '' },
    'a process whose id another one has now': { pid: process.ppid, start: 'earlier' },
    'an earlier process with our own id, as in a container': { ...ownRun(), start: 'earlier' },
    'an earlier process with our id and start, where starts are not known': ownRun(),
    'a holder that stopped': '',
    'a holder whose name a power cut tore': '{"pid":',
  })) {
    it(`is taken over from ${what}`, async () => {
      if (process.platform !== 'linux' && what.includes('another one')) return;
      const { take, read } = setUp({ 1: { pid: nobody, start: '' }, 7: content });
      const lock = await taken(take());
      assert.deepEqual(read('8'), ownRun());
      lock.release();
    });
  }

  it('sweeps old numbers and drafts of the dead, and keeps some numbers', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => [String(index + 1), '']);
    const { take, names } = setUp({
      ...Object.fromEntries(numbers),
      'draft-1': { pid: nobody, start: '' },
      'draft-2': { pid: process.ppid, start: '' },
    });
    (await taken(take())).release();
    const kept = ['14', '15', '16', '17', '18', '19', '20', '21', 'draft-2'];
    assert.deepEqual(names(), kept);
  });

  it('tells which run of a process is alive', () => {
    assert.ok(isAlive(ownRun()));
    assert.ok(isAlive({ pid: process.pid, start: '' }));
    assert.ok(!isAlive({ pid: nobody, start: '' }));
    if (process.platform === 'linux') {
      assert.notEqual(ownRun().start, '');
      assert.ok(!isAlive({ pid: process.pid, start: 'earlier' }));
    }
  });
});
