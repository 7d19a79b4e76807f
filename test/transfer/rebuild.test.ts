import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { StorageError } from '../../src/storage/storage-error.ts';
import { Rebuild } from '../../src/transfer/rebuild.ts';
import { TablesRebuildProgress } from '../../src/transfer/rebuild-progress.ts';
import type { TokenCopier } from '../../src/transfer/token-copier.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

type CopyFrom = TokenCopier['copyFrom'];

/** A node whose copies are scripted, and what it did in order. */
class Node {
  readonly time = new SimulatedTime();
  readonly clock = new SimulatedHost(this.time);
  readonly tables = new MemoryTables({ clock: this.clock });
  readonly events: string[] = [];
  epoch = 1;
  copyFrom: CopyFrom = async (_source, _tokens, _start, onProgress) => {
    await onProgress?.({ next: undefined, copied: 1, damaged: [] });
    return true;
  };
  saveFails = 0;

  rebuild(): Rebuild {
    const ring = new Ring({
      epoch: this.epoch,
      partitioner: byteOrderedPartitioner,
      replicationFactor: 3,
      owners: evenOwners(['a', 'b', 'c']),
    });
    const key = encodeText('progress');
    const finish = async () => {
      await this.tables.write([{ table: 'meta', key, value: undefined }]);
      this.events.push('finished');
    };
    const progress = new TablesRebuildProgress(this.tables, { key, finish });
    const save = progress.save.bind(progress);
    progress.save = (state) =>
      this.saveFails-- > 0 ? Promise.reject(new StorageError('NO_SPACE')) : save(state);
    return new Rebuild(
      {
        clock: this.clock,
        logger: {
          ...silentLogger,
          warn: (event, data) => this.events.push(`${event} ${data?.['waitsFor'] ?? ''}`.trim()),
        },
        ring,
        progress,
        storage: { markDamaged: async () => undefined },
        replica: {
          setStanding: ({ servesReads }) => this.events.push(servesReads ? 'serves' : 'is silent'),
        },
        copier: {
          sourcesOf: () => new Map(['b', 'c'].map((name) => [name, TokenSet.of([7])])),
          copyFrom: (source, tokens, from, onProgress) => {
            this.events.push(`copies ${source} from ${Buffer.from(from ?? []).toString()}`.trim());
            return this.copyFrom(source, tokens, from, onProgress);
          },
        },
        dirty: {
          mark: async (target) => void this.events.push(`marks ${target}`),
        },
      },
      'a',
    );
  }
}

const intro = 'rebuilding: answers no reads until all is copied';

describe('Rebuild', () => {
  it('is silent, marks, waits 31 s, copies every source, finishes durably, and only then serves', async () => {
    const node = new Node();
    const rebuild = node.rebuild();
    assert.deepEqual(node.events, ['is silent']);
    rebuild.start();
    await node.time.advance(30_999);
    assert.deepEqual(node.events.splice(0), ['is silent', intro, 'marks b', 'marks c']);
    await node.time.advance(1_001);
    const rest = ['copies b from', 'copies c from', 'finished', 'serves'];
    assert.deepEqual(node.events, rest);
    assert.deepEqual(rebuild.status(), {
      isOver: true,
      sources: 2,
      sourcesDone: 2,
      keysCopied: 2,
    });
  });

  it('asks a source that fails again and again, goes on with the others, and says so once a minute', async () => {
    const node = new Node();
    const { copyFrom } = node;
    node.copyFrom = (source, ...rest) =>
      source === 'b' ? Promise.resolve(false) : copyFrom(source, ...rest);
    node.rebuild().start();
    await node.time.advance(190_000);
    const tellings = node.events.filter((event) => event.startsWith('still'));
    assert.equal(tellings.length, 3);
    assert.match(tellings[1] ?? '', / b$/);
    assert.equal(node.events.filter((event) => event === 'copies c from').length, 1);
    const tries = node.events.filter((event) => event === 'copies b from').length;
    assert.ok(tries > 150 && tries < 165, `${tries} tries`);
    assert.equal(node.events.includes('serves'), false);
    node.copyFrom = copyFrom;
    await node.time.advance(1_000);
    assert.equal(node.events.at(-1), 'serves');
  });

  it('goes on at its cursor in the next run, and with another ring begins anew', async () => {
    const node = new Node();
    node.copyFrom = async (source, _tokens, _start, onProgress) => {
      const next = source === 'b' ? undefined : encodeText('m');
      await onProgress?.({ next, copied: 5, damaged: [] });
      return source === 'b';
    };
    const first = node.rebuild();
    first.start();
    await node.time.advance(31_000);
    await first.stop();
    node.events.length = 0;
    const second = node.rebuild();
    assert.deepEqual([second.status().sourcesDone, second.status().keysCopied], [1, 5]);
    second.start();
    await node.time.advance(31_000);
    await second.stop();
    // The slice came within 500 ms of the one before it, so its cursor was not saved.
    assert.deepEqual(node.events, ['is silent', intro, 'copies c from']);
    node.events.length = 0;
    const third = node.rebuild();
    third.start();
    await node.time.advance(31_000);
    await third.stop();
    assert.deepEqual(node.events, ['is silent', intro, 'copies c from m']);
    node.epoch = 2;
    node.events.length = 0;
    const fourth = node.rebuild();
    fourth.start();
    await node.time.advance(31_000);
    assert.deepEqual(node.events, [
      'is silent',
      intro,
      'marks b',
      'marks c',
      'copies b from',
      'copies c from',
    ]);
    await fourth.stop();
  });

  it('is held up by a full disk, and no longer', async () => {
    const node = new Node();
    node.saveFails = 40;
    node.rebuild().start();
    await node.time.advance(39_000);
    assert.equal(node.events.includes('serves'), false);
    assert.ok(node.events.includes('rebuilding is held up'));
    await node.time.advance(5_000);
    assert.equal(node.events.at(-1), 'serves');
  });

  it('does nothing after it was stopped', async () => {
    const node = new Node();
    const rebuild = node.rebuild();
    rebuild.start();
    await node.time.advance(5_000);
    await rebuild.stop();
    node.events.length = 0;
    await node.time.advance(100_000);
    assert.deepEqual(node.events, []);
  });
});
