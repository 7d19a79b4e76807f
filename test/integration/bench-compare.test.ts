/** The comparison with others, briefly and with whatever of them this machine has. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Row {
  readonly tool: string;
  readonly subject: string;
  readonly callsPerSecond: number | null;
  readonly failed: number;
  readonly absent?: string;
}

const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

describe('bench:compare', () => {
  it('measures all that is installed without a failure, and says what is not', async () => {
    const brief = ['--runs', '1', '--seconds', '0.1', '--in-flight', '2', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...brief]);
    const { rows } = JSON.parse(stdout) as { rows: readonly Row[] };
    assert.equal(rows.length, 6 + 6 + 3);
    for (const { tool, subject, callsPerSecond, failed, absent } of rows) {
      const isOurs = tool !== 'h2load' && !subject.startsWith('etcd');
      if (absent !== undefined && !isOurs) assert.match(absent, /is not installed/);
      else assert.ok((callsPerSecond ?? 0) > 0 && failed === 0, `${tool}, ${subject}`);
    }
  });
});
