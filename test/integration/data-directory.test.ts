/**
 * Data directories with real processes: the look at the data is a child process, and locks are
 * held, left and raced for by others.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { QuorateError } from '../../src/base/quorate-error.ts';
import {
  DataDirectory,
  type DataDirectoryOptions,
} from '../../src/data-directory/data-directory.ts';
import { DirectoryLock } from '../../src/data-directory/directory-lock.ts';
import { metaKeys } from '../../src/data-directory/identity.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { DiskStateFile } from '../../src/storage/disk-state-file.ts';
import { DurableState } from '../../src/storage/durable-state.ts';
import { plain, sampleState } from '../storage/states.ts';
import { temporaryFolder } from '../support/processes.ts';

const components = { clock: new SystemClock(), random: new SystemRandom() };
const racerPath = fileURLToPath(new URL('../support/lock-racer.js', import.meta.url));
const replica0 = { clusterName: 'quorate', node: 'replica0', rebuild: false };
const key = Buffer.from('k');

/** The files of a directory with their content, its lock not counted. */
function contentOf(directory: string): unknown {
  return readdirSync(directory)
    .filter((name) => name !== 'lock' && name !== 'data.mdb-lock')
    .map((name) => {
      const path = join(directory, name);
      return [name, statSync(path).isFile() && readFileSync(path).toString('latin1')];
    });
}

describe('a data directory', () => {
  const { path: folder, remove } = temporaryFolder();
  after(remove);
  const sound = join(folder, 'sound');
  let dataId = '';
  let count = 0;

  const open = (directory: string, options: Partial<DataDirectoryOptions> = {}) =>
    DataDirectory.open(components, directory, { ...replica0, ...options });

  before(async () => {
    const opened = await open(sound);
    dataId = opened.identity.dataId;
    const changes = Array.from({ length: 2_000 }, (_, index) => ({
      table: 'data' as const,
      key: Buffer.from(`key ${index}`),
      value: Buffer.alloc(100, index),
    }));
    await opened.tables.write([...changes, { table: 'data', key, value: Buffer.from('v') }]);
    await opened.stateFile.write(sampleState(3));
    await opened.close();
  });

  /** A copy of the sound directory, changed. */
  function copy(change: (directory: string) => void = () => undefined): string {
    const directory = join(folder, `copy-${count++}`);
    cpSync(sound, directory, { recursive: true });
    change(directory);
    return directory;
  }

  /** Checks that a start is refused soon, says all it has to, and leaves everything as it is. */
  async function refuses(
    directory: string,
    sentence: RegExp,
    options: Partial<DataDirectoryOptions> = {},
  ): Promise<void> {
    const content = existsSync(directory) ? contentOf(directory) : undefined;
    const sinceMs = components.clock.monotonicMs();
    const error = await open(directory, options).then(
      () => assert.fail('it was opened'),
      (thrown: unknown) => thrown,
    );
    const tookMs = components.clock.monotonicMs() - sinceMs;
    assert.ok(error instanceof QuorateError && error.code === 'CONFIGURATION', String(error));
    assert.match(error.message, sentence);
    assert.ok(error.message.startsWith(directory), error.message);
    assert.match(error.message, /--(data-dir|rebuild)/, 'the next step');
    assert.ok(!error.message.includes('\n'));
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    if (content !== undefined) assert.deepEqual(contentOf(directory), content);
  }

  it('keeps data, state and identity', async () => {
    const opened = await open(sound);
    assert.equal(opened.identity.dataId, dataId);
    assert.match(dataId, /^[0-9a-f]{32}$/);
    assert.equal(opened.isRebuilding, false);
    assert.equal(Buffer.from(opened.tables.get('data', key) ?? []).toString(), 'v');
    assert.deepEqual(plain(opened.stateFile.read()), plain(sampleState(3)));
    await opened.close();
  });

  it('is made where there is none, and with a new id each', async () => {
    const opened = await open(join(folder, 'a', 'b', 'c'));
    assert.notEqual(opened.identity.dataId, dataId);
    await opened.close();
  });

  const bad: readonly (readonly [string, RegExp, (directory: string) => void])[] = [
    ['empty data', /data\.mdb is missing or empty/, (at) => truncateSync(join(at, 'data.mdb'))],
    ['no data', /data\.mdb is missing or empty/, (at) => rmSync(join(at, 'data.mdb'))],
    ['no state file', /file state is missing/, (at) => rmSync(join(at, 'state'))],
    ['an empty state file', /file state is damaged/, (at) => truncateSync(join(at, 'state'))],
    [
      'half of the data',
      /data\.mdb was cut short/,
      (at) => truncateSync(join(at, 'data.mdb'), statSync(join(at, 'data.mdb')).size / 2),
    ],
    [
      'data of zeros',
      /its head is all zeros/,
      (at) => writeFileSync(join(at, 'data.mdb'), Buffer.alloc(500_000)),
    ],
    [
      'data of which the second half is zeros',
      /is damaged at page \d+: it is all zeros/,
      (at) => {
        const bytes = readFileSync(join(at, 'data.mdb'));
        writeFileSync(join(at, 'data.mdb'), bytes.fill(0, bytes.length / 2));
      },
    ],
    [
      'text for data',
      /data\.mdb is no database of Quorate/,
      (at) => writeFileSync(join(at, 'data.mdb'), 'text '.repeat(9_000)),
    ],
    [
      'a folder for data',
      /data\.mdb cannot be read: .*EISDIR/,
      (at) => {
        rmSync(join(at, 'data.mdb'));
        mkdirSync(join(at, 'data.mdb'));
      },
    ],
  ];
  for (const [what, sentence, change] of bad) {
    it(`is refused with ${what}`, () => refuses(copy(change), sentence));
  }

  it('is refused for another node and for another cluster, to be rebuilt also', async () => {
    const sentence = /holds the data of node replica0 of cluster quorate, not of node replica1 of/;
    await refuses(copy(), sentence, { node: 'replica1' });
    await refuses(copy(), sentence, { node: 'replica1', rebuild: true });
    await refuses(copy(), /not of node replica0 of cluster other/, { clusterName: 'other' });
  });

  it('is refused with another ring than the one that its data belongs to', async () => {
    const directory = copy();
    const first = await open(directory);
    await first.belongTo('epoch=1 owners=0-255:a');
    await first.close();
    const again = await open(directory);
    await again.belongTo('epoch=1 owners=0-255:a');
    await again.close();
    const other = await open(directory);
    await assert.rejects(other.belongTo('epoch=1 owners=0-255:b'), {
      code: 'CONFIGURATION',
      message: /placed by the ring .*0-255:a, not by .*0-255:b: .*--data-dir/,
    });
    // It is closed: the next start, with the right ring, finds nobody in it.
    await (await open(directory)).close();
  });

  it('is refused with the state file of other data', async () => {
    const other = join(folder, 'other');
    await (await open(other)).close();
    const directory = copy((at) => cpSync(join(other, 'state'), join(at, 'state')));
    await refuses(directory, /file state is of-other-data/);
  });

  it('is refused with fresh data beside a state file, as if the disk had been lost', async () => {
    const directory = copy((at) => rmSync(join(at, 'data.mdb')));
    const { LmdbTables } = await import('../../src/storage/lmdb-tables.ts');
    await new LmdbTables(components, join(directory, 'data.mdb')).close();
    await refuses(directory, /data\.mdb does not say whose it is/);
  });

  it('is refused where another program keeps its files', async () => {
    const directory = join(folder, 'photos');
    mkdirSync(directory);
    writeFileSync(join(directory, 'holiday.jpg'), 'x');
    await refuses(directory, /is no data directory of Quorate, for it holds "holiday\.jpg"/);
    await refuses(directory, /holiday\.jpg/, { rebuild: true });
    assert.deepEqual(readdirSync(directory), ['holiday.jpg']);
  });

  it('is made on a file system of its own', async () => {
    const directory = join(folder, 'mounted');
    mkdirSync(join(directory, 'lost+found'), { recursive: true });
    await (await open(directory)).close();
  });

  it('is refused where it cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await refuses(join(folder, 'file', 'data'), /cannot be used as a data directory \(ENOTDIR/);
  });

  it('may have grown behind its last page', async () => {
    const directory = copy((at) => appendFileSync(join(at, 'data.mdb'), 'half a page'));
    await (await open(directory)).close();
  });

  describe('with --rebuild', () => {
    it('begins without data, keeps the old aside, and goes on until it is done', async () => {
      const directory = copy();
      const first = await open(directory, { rebuild: true });
      const { dataId: newId } = first.identity;
      assert.notEqual(newId, dataId);
      assert.ok(newId > dataId, 'a later one is greater');
      assert.ok(first.isRebuilding && first.identity.isRebuilt);
      assert.equal(first.tables.get('data', key), undefined);
      assert.deepEqual(plain(first.stateFile.read()), plain(sampleState(3)));
      await first.tables.write([
        { table: 'data', key, value: Buffer.from('copied') },
        { table: 'meta', key: metaKeys.rebuildProgress, value: Buffer.from('token 7') },
      ]);
      await first.close();
      const [discarded = ''] = readdirSync(directory).filter((name) => /^discarded-/.test(name));
      assert.match(discarded, /^discarded-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
      assert.deepEqual(
        readFileSync(join(directory, discarded, 'data.mdb')),
        readFileSync(join(sound, 'data.mdb')),
      );

      // Whether the flag is still there or not.
      for (const rebuild of [false, true]) {
        const next = await open(directory, { rebuild });
        assert.deepEqual([next.identity.dataId, next.isRebuilding], [newId, true]);
        assert.equal(Buffer.from(next.tables.get('data', key) ?? []).toString(), 'copied');
        if (rebuild) await next.finishRebuild();
        await next.close();
      }
      const done = await open(directory);
      assert.deepEqual([done.isRebuilding, done.identity.isRebuilt], [false, true]);
      assert.equal(done.tables.get('meta', metaKeys.rebuildProgress), undefined);
      await done.close();
    });

    for (const [what, , change] of bad) {
      if (what === 'a folder for data') continue;
      it(`takes ${what}`, async () => {
        const opened = await open(copy(change), { rebuild: true });
        assert.ok(opened.isRebuilding);
        await opened.close();
      });
    }

    it('takes a directory that is empty', async () => {
      const opened = await open(join(folder, 'new'), { rebuild: true });
      assert.ok(opened.isRebuilding);
      await opened.close();
      assert.deepEqual(
        readdirSync(join(folder, 'new')).filter((name) => /discarded/.test(name)),
        [],
      );
    });
  });

  it('is begun again when a crash stopped its beginning, as what it was to be', async () => {
    for (const isRebuilding of [false, true]) {
      for (const left of [['data.mdb', 'state'], ['state'], ['data.mdb'], []]) {
        const directory = copy((at) => {
          for (const name of ['data.mdb', 'state']) {
            if (!left.includes(name)) rmSync(join(at, name));
          }
          const beginning = { cluster: 'quorate', node: 'replica0', isRebuilding };
          writeFileSync(join(at, 'creating'), JSON.stringify(beginning));
        });
        await refuses(directory, /holds the data of node replica0/, { node: 'replica1' });
        const opened = await open(directory);
        assert.equal(opened.isRebuilding, isRebuilding);
        assert.notEqual(opened.identity.dataId, dataId);
        await opened.close();
        assert.ok(!existsSync(join(directory, 'creating')));
        await (await open(directory)).close();
      }
    }
  });
});

describe('the lock of a data directory among processes', () => {
  const { path: folder, remove } = temporaryFolder();
  after(remove);
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  function start(...words: readonly string[]): ChildProcess {
    const child = fork(racerPath, words, { silent: true });
    children.push(child);
    return child;
  }

  it('refuses a second process, and is free at once after kill -9', async () => {
    const directory = join(folder, 'killed');
    mkdirSync(directory);
    for (let round = 0; round < 3; round++) {
      const holder = start('hold', directory);
      assert.deepEqual(await once(holder, 'message'), ['held', undefined]);
      await assert.rejects(DataDirectory.open(components, directory, replica0), {
        message: new RegExp(`is in use by process ${holder.pid}: stop that one first`),
      });
      // Not even waiting until the system has told of its end.
      holder.kill('SIGKILL');
      const lock = await DirectoryLock.take(directory, components);
      assert.ok(lock instanceof DirectoryLock);
      lock.release();
    }
  });

  it('is never held by two, with three that race for what a dead one left', async () => {
    const directory = join(folder, 'raced');
    mkdirSync(directory);
    const racers = [1, 2, 3].map(() => start('race', directory, '400'));
    const outputs = racers.map(async (racer) => {
      const chunks: Buffer[] = [];
      racer.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
      const [code] = (await once(racer, 'close')) as [number];
      return [code, Buffer.concat(chunks).toString()];
    });
    assert.deepEqual(await Promise.all(outputs), Array(3).fill([0, '0\n']));
    const numbers = readdirSync(join(directory, 'lock')).map(Number);
    assert.ok(Math.max(...numbers) >= 1_200, 'every round took over from the one before');
  });
});

describe('on a file system of 1 MiB', () => {
  const { path: folder, remove } = temporaryFolder();
  let isMounted = false;
  before(() => {
    try {
      runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'quorate-test', folder]);
      isMounted = true;
    } catch {
      process.stderr.write('NOT TESTED: a full disk needs a user who may mount a tmpfs\n');
    }
  });
  after(() => {
    if (isMounted) runCommand('umount', [folder]);
    remove();
  });

  it('a state that was there before takes writes when the disk is full', async (context) => {
    if (!isMounted) return context.skip('needs a user who may mount a tmpfs');
    const path = join(folder, 'state');
    const dataId = 'ab'.repeat(16);
    DiskStateFile.create(path, dataId, sampleState(0));
    fill(join(folder, 'ballast'));
    assert.throws(() => writeFileSync(join(folder, 'more'), 'x'.repeat(5_000)), { code: 'ENOSPC' });
    const file = await DiskStateFile.open(path, dataId);
    assert.ok(file instanceof DiskStateFile);
    const state = new DurableState(file, assert.fail);
    for (let number = 1; number <= 50; number++) await state.update(() => sampleState(number));
    await file.close();
    const again = await DiskStateFile.open(path, dataId);
    assert.ok(again instanceof DiskStateFile);
    assert.deepEqual(plain(again.read()), plain(sampleState(50)));
    await again.close();
  });

  it('a directory that cannot be written is refused', async (context) => {
    if (!isMounted) return context.skip('needs a user who may mount a tmpfs');
    runCommand('mount', ['-o', 'remount,ro', folder]);
    await assert.rejects(DataDirectory.open(components, folder, replica0), {
      code: 'CONFIGURATION',
      message: /cannot be used as a data directory \(EROFS.*make it writable/,
    });
  });
});

function runCommand(command: string, words: readonly string[]): void {
  execFileSync(command, words, { stdio: 'pipe' });
}

function fill(path: string): void {
  const descriptor = openSync(path, 'w');
  try {
    for (;;) writeSync(descriptor, Buffer.alloc(4_096, 1));
  } catch (error: unknown) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(descriptor);
  }
}
