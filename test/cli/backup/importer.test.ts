import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import { ExportFile, partialOf } from '../../../src/cli/backup/export-file.ts';
import { Importer } from '../../../src/cli/backup/importer.ts';
import type { EntryAnswer, ImportedEntry } from '../../../src/client/answers.ts';
import type { ImportOutcome } from '../../../src/client/backup-client.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { SimulatedHost, SimulatedTime } from '../../support/simulated-time.ts';

const entryOf = (key: string): EntryAnswer => ({
  key,
  value: { kind: 'text', text: `value of ${key}` },
  version: '0000019b00000000-replica0',
  writeTimeMs: undefined,
  expireTimeMs: undefined,
  token: 1,
});

let folder: ReturnType<typeof temporaryFolder>;
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, 'cluster.ndjson');
});
afterEach(() => folder.remove());

async function write(keys: readonly string[], isResumed = false): Promise<ExportFile> {
  const file = await ExportFile.open(path, isResumed);
  file.append(keys.map(entryOf));
  return file;
}

describe('the file of an export', () => {
  it('has its name only when it is complete, and is not written over', async () => {
    const file = await write(['a', 'b']);
    file.close();
    assert.equal(existsSync(path), false);
    const next = await write(['a', 'b', 'c']);
    next.finish();
    next.close();
    assert.equal(existsSync(partialOf(path)), false);
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 4);
    await assert.rejects(ExportFile.open(path, false), /exists: name another file/);
  });

  it('goes on after its last whole line', async () => {
    (await write(['a', 'b'])).close();
    const whole = readFileSync(partialOf(path)).length;
    const torn = await ExportFile.open(path, true);
    assert.deepEqual([torn.lastKey, torn.lines], ['b', 2]);
    torn.append([entryOf('c')]);
    torn.close();
    truncateSync(partialOf(path), whole + 10);
    const resumed = await ExportFile.open(path, true);
    assert.deepEqual([resumed.lastKey, resumed.lines], ['b', 2]);
    resumed.append([entryOf('c')]);
    resumed.finish();
    resumed.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { key: string }).key),
      ['a', 'b', 'c'],
    );
  });

  it('goes on with a file that was cut short elsewhere, not with nothing or with damage', async () => {
    await assert.rejects(ExportFile.open(path, true), /has nothing to go on with/);
    writeFileSync(path, '{"key":"a"}\n');
    await assert.rejects(ExportFile.open(path, true), /of line 1, it has no version/);
    writeFileSync(partialOf(path), '{"key":');
    const empty = await ExportFile.open(path, true);
    assert.deepEqual([empty.lastKey, empty.lines], [undefined, 0]);
    empty.close();
  });
});

describe('an import', () => {
  let said: string[] = [];
  let sent: ImportedEntry[] = [];
  let answer: (entries: readonly ImportedEntry[]) => Promise<readonly ImportOutcome[]>;
  const time = new SimulatedTime();

  beforeEach(() => {
    said = [];
    sent = [];
    answer = async (entries) => entries.map(() => 'stored');
  });

  async function run(fromLine = 1): Promise<Importer> {
    const importEntries = (entries: readonly ImportedEntry[]) => {
      sent.push(...entries);
      return answer(entries);
    };
    const clock = new SimulatedHost(time);
    const components = { clock, client: { importEntries }, say: (text: string) => said.push(text) };
    const importer = new Importer(components, () => undefined);
    // Reading a file takes real time.
    let isOver = false;
    const running = importer.run(path, fromLine).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      await time.advance(50);
    }
    await running;
    return importer;
  }

  async function exported(count: number): Promise<readonly string[]> {
    const keys = Array.from({ length: count }, (_, index) => `key${index}`);
    const file = await write(keys);
    file.finish();
    file.close();
    return keys;
  }

  it('sends every line once, in messages of some hundred', async () => {
    const keys = await exported(3_000);
    const { stored, damaged, problem } = await run();
    assert.deepEqual([stored, damaged, problem], [3_000, 0, undefined]);
    assert.deepEqual(
      sent.map(({ key }) => key),
      keys,
    );
  });

  it('names damaged lines by their number, and stores the others', async () => {
    await exported(2);
    appendFileSync(path, 'no JSON\n');
    appendFileSync(path, Buffer.from([0x22, 0xff, 0x22, 0x0a]));
    appendFileSync(path, `${readFileSync(path, 'utf8').split('\n')[0]?.slice(0, 30)}`);
    const { stored, damaged } = await run();
    assert.deepEqual([stored, damaged], [2, 3]);
    assert.deepEqual(said, [
      'quorate: line 3 is damaged: it is no JSON object, and is not stored',
      'quorate: line 4 is damaged: it is no UTF-8, and is not stored',
      'quorate: line 5 is damaged: it is no JSON object, and is not stored',
    ]);
  });

  it('counts and names records ahead of the clock and those below a floor', async () => {
    await exported(3);
    answer = async (entries) =>
      entries.map(({ key }) =>
        key === 'key1' ? 'ahead-of-clock' : key === 'key2' ? 'below-floor' : 'stored',
      );
    const { stored, aheadOfClock, belowFloor } = await run();
    assert.deepEqual([stored, aheadOfClock, belowFloor], [1, 1, 1]);
    assert.match(said.join(), /line 3 is older than forgotten deletes/);
    assert.match(said.join(), /line 2 is ahead of the clock: version 0000019b00000000-replica0/);
  });

  it('sends again what failed for a while, also if it may have been stored', async () => {
    await exported(5);
    let failures = 3;
    answer = async (entries) => {
      if (failures-- > 0) throw new QuorateError('WRITE_TIMEOUT', { mayHaveApplied: true });
      return entries.map(() => 'stored');
    };
    const { stored, problem } = await run();
    assert.deepEqual([stored, problem], [5, undefined]);
  });

  it('gives up in the end, and says from which line on to go on', async () => {
    await exported(3_000);
    answer = async (entries) => {
      if (entries.some(({ key }) => key === 'key1500')) {
        throw new QuorateError('NOT_ENOUGH_REPLICAS', { required: 2, alive: 1 });
      }
      return entries.map(() => 'stored');
    };
    const { problem } = await run();
    assert.equal(problem, 3);
    const from = Number(/--from-line (\d+)/.exec(said.join())?.[1]);
    assert.ok(from > 1 && from <= 1_501, said.join());
    const confirmed = new Set(sent.map(({ key }) => key));
    for (let index = 0; index < from - 1; index++) assert.ok(confirmed.has(`key${index}`));

    sent = [];
    answer = async (entries) => entries.map(() => 'stored');
    const { stored } = await run(from);
    assert.equal(stored, 3_000 - (from - 1));
    assert.equal(sent[0]?.key, `key${from - 1}`);
  });
});
