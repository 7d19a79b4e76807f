/** The service over a cluster in this process, with nodes that die. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestCluster } from 'quorate/testing';

describe('the session service', () => {
  let cluster: TestCluster;
  let service: ReturnType<typeof startService>;
  let sessions: string;

  before(async () => {
    cluster = await TestCluster.start({ nodes: 4 });
    service = startService(cluster.connectionString);
    const [line] = await once(service.stdout, 'data');
    sessions = `http://127.0.0.1:${/\d+/.exec(String(line))?.[0]}/sessions`;
  });

  after(async () => {
    service.kill('SIGTERM');
    await once(service, 'exit');
    await cluster.stop();
    assert.equal(service.exitCode, 0);
  });

  const begin = (body: string) => fetch(sessions, { method: 'POST', body });
  const beginId = async () => {
    const begun = await begin('{"user": "ada"}');
    assert.equal(begun.status, 201);
    const session: unknown = await begun.json();
    assert.ok(typeof session === 'object' && session !== null && 'id' in session);
    return String(session.id);
  };

  it('begins a session, finds it, and ends it', async () => {
    const id = await beginId();
    const found = await fetch(`${sessions}/${id}`);
    assert.deepEqual(await found.json(), { user: 'ada' });
    assert.equal((await fetch(`${sessions}/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await fetch(`${sessions}/${id}`)).status, 404);
  });

  it('refuses what is no session', async () => {
    assert.equal((await begin('{"name": 7}')).status, 400);
  });

  it('goes on without one replica, says that it cannot without two, and forgets nothing', async () => {
    const id = await beginId();
    const [first = '', second = ''] = cluster.replicasOf(`session:${id}`);
    await cluster.kill(first);
    assert.equal((await fetch(`${sessions}/${id}`)).status, 200);
    await cluster.kill(second);
    assert.equal((await fetch(`${sessions}/${id}`)).status, 503);
    await cluster.restart(first);
    await cluster.restart(second);
    assert.equal((await fetch(`${sessions}/${id}`)).status, 200);
  });
});

function startService(url: string) {
  return spawn(process.execPath, [fileURLToPath(new URL('service.js', import.meta.url))], {
    env: { ...process.env, QUORATE_URL: url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
