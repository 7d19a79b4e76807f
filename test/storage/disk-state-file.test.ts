import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { DiskStateFile } from '../../src/storage/disk-state-file.ts';
import { temporaryFolder } from '../support/processes.ts';
import { plain, sampleState } from './states.ts';

const dataId = '0123456789abcdef0123456789abcdef';

describe('the state file', () => {
  const { path: folder, remove } = temporaryFolder();
  after(remove);
  let count = 0;

  async function openFile(path: string): Promise<DiskStateFile> {
    const file = await DiskStateFile.open(path, dataId);
    assert.ok(file instanceof DiskStateFile, `the file is ${String(file)}`);
    return file;
  }

  /** The bytes of a file after each of its first writes. */
  async function history(writes: number): Promise<{ path: string; images: readonly Buffer[] }> {
    const path = join(folder, `state-${count++}`);
    DiskStateFile.create(path, dataId, sampleState(0));
    const file = await openFile(path);
    const images = [readFileSync(path)];
    for (let number = 1; number <= writes; number++) {
      await file.write(sampleState(number));
      images.push(readFileSync(path));
    }
    await file.close();
    return { path, images };
  }

  /** What a start finds in some bytes, as plain data. */
  async function found(path: string, bytes: Uint8Array): Promise<unknown> {
    writeFileSync(path, bytes);
    const file = await DiskStateFile.open(path, dataId);
    if (!(file instanceof DiskStateFile)) return file;
    await file.close();
    return plain(file.read());
  }

  it('gives back the last state that was written, from its first one on', async () => {
    const { path, images } = await history(5);
    for (const [number, image] of images.entries()) {
      assert.deepEqual(await found(path, image), plain(sampleState(number)));
    }
  });

  it('gives the state before or after a write, at whichever byte the power goes', async () => {
    const { path, images } = await history(4);
    let torn = 0;
    for (let number = 1; number <= 4; number++) {
      const before = images[number - 1] ?? Buffer.alloc(0);
      const after = images[number] ?? Buffer.alloc(0);
      const changed = [...after.keys()].filter((at) => after[at] !== before[at]);
      const [first = 0] = changed;
      const last = changed.at(-1) ?? 0;
      for (let cut = first; cut <= last; cut++) {
        const image = Buffer.concat([after.subarray(0, cut), before.subarray(cut)]);
        assert.deepEqual(await found(path, image), plain(sampleState(number - 1)), `byte ${cut}`);
        torn++;
      }
      // Disks do not write in order either: the last byte came, one before it did not.
      for (const missing of changed) {
        const image = Buffer.from(after);
        image[missing] = before[missing] ?? 0;
        assert.deepEqual(await found(path, image), plain(sampleState(number - 1)));
      }
    }
    assert.ok(torn > 300, `only ${torn} torn writes were tried`);
  });

  it('writes on after a torn write, and the next one counts', async () => {
    const { path, images } = await history(3);
    const torn = Buffer.from(images[3] ?? []);
    const at = [...torn.keys()].findLast((byte) => torn[byte] !== images[2]?.[byte]) ?? 0;
    torn[at] = (torn[at] ?? 0) ^ 0xff;
    writeFileSync(path, torn);
    const file = await openFile(path);
    await file.write(sampleState(30));
    await file.close();
    assert.deepEqual(await found(path, readFileSync(path)), plain(sampleState(30)));
  });

  it('is damaged when neither slot is whole, or when its space is gone', async () => {
    const { path, images } = await history(2);
    const image = Buffer.from(images[2] ?? []);
    for (const slot of [0, image.length / 2]) image[slot + 20] = (image[slot + 20] ?? 0) ^ 1;
    assert.equal(await found(path, image), 'damaged');
    assert.equal(await found(path, Buffer.alloc(image.length)), 'damaged');
    writeFileSync(path, images[2] ?? '');
    truncateSync(path, image.length - 1);
    assert.equal(await DiskStateFile.open(path, dataId), 'damaged');
  });

  it('is missing, or belongs to other data', async () => {
    const { path } = await history(1);
    assert.equal(await DiskStateFile.open(join(folder, 'none'), dataId), 'missing');
    assert.equal(await DiskStateFile.open(path, dataId.replace('0', '1')), 'of-other-data');
    assert.deepEqual(plain(DiskStateFile.salvage(path) ?? sampleState(9)), plain(sampleState(1)));
    assert.equal(DiskStateFile.salvage(join(folder, 'none')), undefined);
  });

  it('has all its space from the start', async () => {
    const { path } = await history(0);
    const { size, blocks } = statSync(path);
    await history(0);
    assert.ok(blocks * 512 >= size, `${blocks * 512} of ${size} bytes are there`);
    const file = await openFile(path);
    for (let number = 0; number < 8; number++) await file.write(sampleState(number));
    await file.close();
    assert.deepEqual([statSync(path).size, statSync(path).blocks], [size, blocks]);
  });
});
