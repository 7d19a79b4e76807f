/** A whole cluster as lines of JSON, and back into another one, with interruptions on both ways. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CliProcess,
  type ProcessCluster,
  runCli,
  startCluster,
  until,
} from '../support/processes.ts';

const keyCount = 4_000;

function lineOf(key: string, fields: object): string {
  const token = Buffer.from(key)[0];
  return JSON.stringify({ key, token, ...fields });
}

describe('export and import', () => {
  let cluster: ProcessCluster;
  let file = '';
  const run = (...args: readonly string[]) => runCli([...args, '-s', cluster.address('replica0')]);
  const exportTo = async (path: string, ...flags: readonly string[]) => {
    const { code, stderr } = await run('export', path, ...flags);
    assert.equal(code, 0, stderr);
    return readFileSync(path, 'utf8');
  };
  const restartEmpty = async () => {
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    for (const name of cluster.names) rmSync(cluster.directory(name), { recursive: true });
    await Promise.all(cluster.names.map((name) => cluster.restart(name)));
    await cluster.untilMet();
  };

  before(async () => {
    cluster = await startCluster({ isDurable: true });
    file = join(cluster.folder.path, 'cluster.ndjson');
    // Many keys quickly, by the import itself; those that the test is about are written below.
    const version = `${(BigInt(Date.now() - 60_000) << 16n).toString(16).padStart(16, '0')}-replica9`;
    const lines = Array.from({ length: keyCount }, (_, index) => {
      const key = `${'0Az~'[index % 4]}fill${index}`;
      return lineOf(key, { tombstone: false, kind: 'text', value: `v${index}`, version });
    });
    const fill = join(cluster.folder.path, 'fill.ndjson');
    writeFileSync(fill, lines.map((line) => `${line}\n`).join(''));
    const { code, stderr } = await run('import', fill);
    assert.equal(code, 0, stderr);
  });
  after(() => cluster.stop());

  it('has what was acknowledged while a node is down, and nothing is lost on the way back', async () => {
    const client = cluster.client('replica1');
    await client.put(7, { kind: 'json', json: { deep: [1, null, { a: 'b' }] } });
    await client.put('raw', { kind: 'bytes', bytes: Uint8Array.of(0, 255, 10) });
    await client.put(Uint8Array.of(1, 0xff), { kind: 'text', text: 'line\nfeed \u2028 "' });
    await client.put('expires', { kind: 'text', text: 'later' }, { ttlMs: 3_600_000 });
    await client.put('expired', { kind: 'text', text: 'soon gone' }, { ttlMs: 1 });
    for (let index = 0; index < 200; index++) await client.delete(`0fill${index * 4}`);
    await cluster.kill('replica2');
    await cluster.untilSeen('replica0', 'replica2', 'down');
    for (let index = 0; index < 100; index++) {
      await client.put(`${'0Az~'[index % 4]}late${index}`, { kind: 'text', text: `n${index}` });
    }
    const first = await exportTo(file);
    const lines = first.trimEnd().split('\n');
    assert.equal(lines.length, keyCount + 5 + 100);
    assert.equal(lines.filter((line) => line.includes('"tombstone":true')).length, 200);

    await restartEmpty();
    const { code, stdout, stderr } = await run('import', file, '-o', 'json');
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      stored: lines.length,
      aheadOfClock: 0,
      belowFloor: 0,
      damaged: 0,
    });
    // Every key, value, version, time of expiry and tombstone is as it was, byte by byte.
    assert.equal(await exportTo(join(cluster.folder.path, 'again.ndjson')), first);
    assert.equal((await cluster.client('replica3').get('0fill4')).value, undefined);
    assert.equal((await cluster.client('replica3').get('expired')).value, undefined);
    const found = await cluster.client('replica3').get('raw');
    assert.deepEqual(found.value, { kind: 'bytes', bytes: Buffer.from([0, 255, 10]) });
  });

  it('keeps what is newer, and names what it leaves out', async () => {
    const client = cluster.client('replica1');
    await client.put('Afill1', { kind: 'text', text: 'newer' });
    const ahead = `${(BigInt(Date.now() + 60_000) << 16n).toString(16).padStart(16, '0')}-replica0`;
    const path = join(cluster.folder.path, 'mixed.ndjson');
    const good = readFileSync(file, 'utf8')
      .split('\n')
      .find((line) => line.includes('"Afill1"'));
    const bad = lineOf('ahead', { tombstone: true, version: ahead });
    writeFileSync(path, `${good}\n${bad}\n${good?.slice(0, 20)}\n`);
    const { code, stdout, stderr } = await run('import', path, '-o', 'json');
    assert.equal(code, 4, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      stored: 1,
      aheadOfClock: 1,
      belowFloor: 0,
      damaged: 1,
    });
    assert.match(stderr, /line 2 is ahead of the clock/);
    assert.match(stderr, /line 3 is damaged: it is no JSON object/);
    const { value } = await client.get('Afill1');
    assert.ok(value?.kind === 'text' && value.text === 'newer');
    assert.equal((await client.get('ahead')).version, '');
  });

  it('goes on after an interruption, and has every line once', async () => {
    const whole = await exportTo(join(cluster.folder.path, 'whole.ndjson'));
    const path = join(cluster.folder.path, 'parts.ndjson');
    const partial = `${path}.partial`;
    const interrupted = new CliProcess(['export', path, '-s', cluster.address('replica0')]);
    const sizeOf = () => statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
    await until('some lines are written', () => sizeOf() > 1_000 || existsSync(path));
    await interrupted.kill();
    // If it was done before it was killed, it is cut short here.
    const written = existsSync(path) ? path : partial;
    truncateSync(written, Math.min(statSync(written).size, Math.floor(whole.length / 2)) - 5);
    assert.equal(await exportTo(path, '--resume'), whole);
    const again = await run('export', path);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /parts\.ndjson exists: name another file/);
  });

  it('imports all when the import is interrupted and run again', async () => {
    const whole = await exportTo(join(cluster.folder.path, 'before.ndjson'));
    await restartEmpty();
    const path = join(cluster.folder.path, 'before.ndjson');
    const interrupted = new CliProcess(['import', path, '-s', cluster.address('replica0')]);
    const client = cluster.client('replica0');
    await until('some keys are stored', async () => (await client.describeCluster()).entries > 100);
    await interrupted.kill();
    const { code, stderr } = await run('import', path);
    assert.equal(code, 0, stderr);
    assert.equal(await exportTo(join(cluster.folder.path, 'after.ndjson')), whole);
  });

  it('fails while too few replicas of some keys can be asked, and goes on later', async () => {
    const whole = readFileSync(join(cluster.folder.path, 'after.ndjson'), 'utf8');
    for (const name of ['replica2', 'replica3']) {
      await cluster.kill(name);
      await cluster.untilSeen('replica0', name, 'down');
    }
    const path = join(cluster.folder.path, 'later.ndjson');
    const { code, stderr } = await run('export', path);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /NOT_ENOUGH_REPLICAS: .*required=2.*alive=1/);
    assert.match(stderr, /the same command with --resume goes on there/);
    await cluster.restart('replica3');
    await cluster.untilSeen('replica0', 'replica3', 'up');
    assert.equal(await exportTo(path, '--resume'), whole);
  });
});
