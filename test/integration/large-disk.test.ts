/** A node that starts on a large directory: soon ready, and small in memory. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import { NodeClient } from '../../src/client/node-client.ts';
import { DataDirectory } from '../../src/data-directory/data-directory.ts';
import { clockAtMs } from '../../src/record/version.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { DurableStorage } from '../../src/storage/durable-storage.ts';
import {
  type CliProcess,
  freePorts,
  startNode,
  temporaryFolder,
  writeReplicas,
} from '../support/processes.ts';

const keyCount = process.env['QUORATE_TEST_LONG'] === '1' ? 1_000_000 : 50_000;
const readyMsMax = 5_000;
const anonymousMiBMax = 300;

/** Fills the directory of replica0, as that node would. */
async function fill(directory: string): Promise<void> {
  const clock = new SystemClock();
  const options = { clusterName: 'quorate', node: 'replica0', rebuild: false };
  const opened = await DataDirectory.open(
    { clock, random: new SystemRandom() },
    directory,
    options,
  );
  const storage = new DurableStorage(opened.tables);
  const version = { clock: clockAtMs(clock.realtimeMs()), node: 'replica0' };
  const value = { kind: 'bytes', bytes: new Uint8Array(100) } as const;
  for (let from = 0; from < keyCount; from += 5_000) {
    const keys = Array.from({ length: 5_000 }, (_, index) => from + index);
    await storage.applyBatch(
      keys.map((number) => ({
        key: Uint8Array.of(number % 256, ...encodeText(`key ${number}`)),
        record: { version, value },
      })),
    );
  }
  await storage.close();
  await opened.close();
}

/** Memory that is the process's own, without pages of files, in MiB; `undefined` elsewhere. */
function anonymousMiB(node: CliProcess): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

describe('a node with many keys on its disk', () => {
  it('is ready within 5 s and takes less than 300 MiB of memory', async (test) => {
    const folder = temporaryFolder();
    const started: CliProcess[] = [];
    try {
      const directory = `${folder.path}/data`;
      await fill(directory);
      const [port = 0] = await freePorts(1);
      const replicasFile = writeReplicas(folder.path, [port]);
      const startMs = performance.now();
      const args = [`--data-dir=${directory}`];
      const node = await startNode({ name: 'replica0', port, replicasFile, args });
      started.push(node);
      const readyMs = performance.now() - startMs;
      const startMiB = anonymousMiB(node);
      const client = new NodeClient(`127.0.0.1:${port}`);
      const { entries } = await client.describeCluster();
      for (let number = 0; number < 10_000; number += 7) {
        const key = Uint8Array.of(number % 256, ...encodeText(`key ${number}`));
        assert.ok((await client.get(key)).value !== undefined);
      }
      client.close();
      const usedMiB = anonymousMiB(node);
      test.diagnostic(
        `${keyCount} keys: ready after ${Math.round(readyMs)} ms, ${startMiB?.toFixed(0)} MiB, ${usedMiB?.toFixed(0)} MiB after reads`,
      );
      assert.equal(entries, keyCount);
      assert.ok(readyMs <= readyMsMax, `${readyMs} ms`);
      assert.ok(usedMiB === undefined || usedMiB <= anonymousMiBMax, `${usedMiB} MiB`);
    } finally {
      await Promise.all(started.map((node) => node.kill()));
      folder.remove();
    }
  });
});
