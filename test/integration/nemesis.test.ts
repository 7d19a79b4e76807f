import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultKinds } from '../nemesis/faults.ts';
import { formatReport } from '../nemesis/report.ts';
import { type NemesisOptions, runNemesis } from '../nemesis/run-nemesis.ts';

/** The short form of `npm run nemesis`, beside other tests on a small machine. */
const shortForm = {
  seed: 1,
  rate: 300,
  client: 'typed',
  warmUpMs: 2_000,
  quietMs: [300, 800],
  zookeeper: false,
  log: () => undefined,
} satisfies Partial<NemesisOptions>;
/** What is left of 99.9 % and of all where others need the machine as well. */
const successPercentMin = 98;
const rollingPercentMin = 99.5;

describe('real nodes and real faults, one node at a time', () => {
  it('break no promise and lose few calls, also while all are restarted in turn', async (t) => {
    const report = await runNemesis({
      ...shortForm,
      isDurable: true,
      faults: faultKinds,
      faultMs: [1_200, 2_200],
      durationMs: 11_000,
      rolling: true,
    });
    for (const line of formatReport(report).trim().split('\n')) t.diagnostic(line);
    assert.deepEqual(report.violations, []);
    assert.deepEqual([report.unread, report.owed, report.differing], [[], [], []]);
    assert.ok(report.whileFaulty.successPercent >= successPercentMin, 'enough calls succeed');
    const { rolling } = report;
    assert.ok(
      rolling !== undefined && rolling.calls > 0 && rolling.successPercent >= rollingPercentMin,
    );
  });

  it('find what three nodes lose that keep nothing on disk', async (t) => {
    const { violations } = await runNemesis({
      ...shortForm,
      isDurable: false,
      faults: ['kill three'],
      faultMs: [200, 400],
      durationMs: 1,
      rolling: false,
    });
    t.diagnostic(`${violations.length} violations, such as: ${violations.at(-1)}`);
    assert.ok(violations.some((violation) => violation.includes('not linearizable')));
    assert.ok(violations.some((violation) => violation.includes(' after ')));
  });
});
