import { zookeeperSessionConformance } from '../conformance/zookeeper-session.ts';
import { ZookeeperFixture } from './zookeeper-fixture.ts';

zookeeperSessionConformance('the fake ZooKeeper', async () => {
  const fixture = new ZookeeperFixture();
  let seed = 1;
  return {
    open: async () => (await fixture.open({ root: '/test/root', seed: seed++ })).session,
    settle: (promise) => fixture.settle(promise),
    until: (condition) => fixture.time.until(condition, 1_000),
    stop: async () => {
      await fixture.settle(Promise.all(fixture.sessions.map((session) => session.stop())));
    },
  };
});
