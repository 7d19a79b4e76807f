import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import {
  errnos,
  failingCall,
  unmount,
  whyNoShim,
  whyNotMounted,
} from '../support/failing-calls.ts';
import { temporaryFolder } from '../support/processes.ts';

/**
 * What LMDB and its binding do on a disk that is really full, and when calls of the system fail.
 * The first needs the right to mount a small file system, the second a C compiler; where they are
 * missing the tests say so, and the same rules are tested with faults handed in, in
 * test/storage/group-commit.test.ts.
 */
const folder = temporaryFolder();
after(folder.remove);

const clock = new SystemClock();

describe('LmdbTables on a disk that is full', () => {
  const path = join(folder.path, 'small');
  const skip = whyNotMounted(path);
  after(() => {
    if (!skip) unmount(path);
  });

  it('refuses writes without harm, and takes them when there is space', { skip }, async () => {
    const ballast = join(path, 'ballast');
    writeFileSync(ballast, new Uint8Array(4 * 1024 * 1024));
    const tables = new LmdbTables({ clock }, join(path, 'data.mdb'));
    const storage = new DurableStorage(tables);
    const states: string[] = [];
    const isOpen = new Promise<void>((resolve) => {
      tables.onState((state) => {
        states.push(state);
        if (state === 'open') resolve();
      });
    });
    const acknowledged: number[] = [];
    const value = 'x'.repeat(50_000);
    const refusal = await (async () => {
      for (let number = 0; number < 256; number++) {
        const key = numberKey(number);
        try {
          await storage.applyBatch([{ key, record: textRecord(versionAt(1), value) }]);
          acknowledged.push(number);
        } catch (error: unknown) {
          return error;
        }
      }
      return undefined;
    })();
    assert.equal(refusal instanceof Error && 'code' in refusal && refusal.code, 'NO_SPACE');
    assert.ok(acknowledged.length > 10, `only ${acknowledged.length} fitted`);
    assert.equal(tables.state, 'read-only');
    await assert.rejects(tables.write([]), { code: 'NO_SPACE' });
    for (const number of acknowledged) {
      assert.equal(storage.get(numberKey(number))?.value?.bytes.length, value.length);
    }
    assert.equal(storage.entryCount(), acknowledged.length);
    rmSync(ballast);
    await isOpen;
    assert.deepEqual(states, ['read-only', 'open']);
    await storage.applyBatch([{ key: numberKey(255), record: textRecord(versionAt(2), value) }]);
    await tables.close();
    const reopened = new LmdbTables({ clock }, join(path, 'data.mdb'));
    const after = new DurableStorage(reopened);
    for (const number of [...acknowledged, 255]) {
      assert.equal(after.get(numberKey(number))?.value?.bytes.length, value.length);
    }
    assert.equal(after.entryCount(), acknowledged.length + 1);
    await reopened.close();
  });
});

describe('LmdbTables when the system fails a call', () => {
  const shim = join(folder.path, 'shim.so');
  const skip = whyNoShim(shim);
  const script = fileURLToPath(new URL('../support/failing-disk.js', import.meta.url));
  let runs = 0;

  async function run(call: string, errno: number): Promise<Record<string, unknown>> {
    const directory = join(folder.path, `failing${runs++}`);
    mkdirSync(directory);
    const flag = join(directory, 'flag');
    const child = spawn(process.execPath, [script, directory, flag], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        ...failingCall(shim, flag, call, errno),
      },
    });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) lines.push(line);
    return JSON.parse(lines.findLast((line) => line.startsWith('{')) ?? '{}');
  }

  const { EIO, ENOSPC } = errnos;

  for (const call of ['fdatasync', 'pwrite', 'meta']) {
    it(`acknowledges nothing any more after EIO from ${call}`, { skip }, async () => {
      const seen = await run(call, EIO);
      assert.deepEqual(seen, {
        before: 'acknowledged',
        during: 'FAILED',
        after: 'FAILED',
        states: ['failed'],
        reopened: ['before'],
        unhandled: 0,
      });
    });
  }

  for (const call of ['fdatasync', 'pwrite']) {
    it(`takes writes again after ENOSPC from ${call}`, { skip }, async () => {
      const seen = await run(call, ENOSPC);
      assert.deepEqual(seen, {
        before: 'acknowledged',
        during: 'NO_SPACE',
        after: 'acknowledged',
        states: ['read-only', 'open'],
        reopened: ['after', 'before'],
        unhandled: 0,
      });
    });
  }

  it('ends when the page that names the newest tree did not fit', { skip }, async () => {
    const seen = await run('meta', ENOSPC);
    assert.deepEqual(seen['states'], ['read-only', 'failed']);
    assert.deepEqual([seen['during'], seen['after']], ['NO_SPACE', 'FAILED']);
    assert.deepEqual(seen['reopened'], ['before']);
  });
});
