import { QuorateError } from '../../base/quorate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { findZookeeper, LocalZookeeper } from './local-zookeeper.ts';

/** Which ZooKeeper a local cluster uses: one that was named, one of its own, or none. */
export interface ClusterZookeeper {
  /** As `--zookeeper` takes it; `undefined` for static membership. */
  readonly address: string | undefined;
  /** For people: which membership is in use, and why. */
  readonly sentence: string;
  stop(): Promise<void>;
}

/**
 * @param wanted what `--zookeeper` says; `false` for `--no-zookeeper`, `undefined` to look for one.
 */
export async function chooseZookeeper(
  clock: Clock,
  wanted: string | false | undefined,
  say: (sentence: string) => void,
): Promise<ClusterZookeeper> {
  if (wanted === false) return without('ZooKeeper is not used, as --no-zookeeper says');
  if (wanted !== undefined) {
    return { address: wanted, sentence: `ZooKeeper at ${wanted}.`, stop: () => Promise.resolve() };
  }
  const installation = findZookeeper();
  if (installation === undefined) return without('no ZooKeeper was found on this machine');
  const zookeeper = new LocalZookeeper({ clock }, { installation });
  try {
    say(`starting the ZooKeeper found in ${installation.source}`);
    await zookeeper.start();
  } catch (error: unknown) {
    say(QuorateError.from(error).message);
    await zookeeper.stop();
    return without('the ZooKeeper of this machine does not start');
  }
  return {
    address: `${zookeeper.address}/quorate`,
    sentence: `ZooKeeper at ${zookeeper.address}, started for this cluster and stopped with it.`,
    stop: () => zookeeper.stop(),
  };
}

function without(why: string): ClusterZookeeper {
  const sentence = `static, from the replicas file; ${why}.`;
  return { address: undefined, sentence, stop: () => Promise.resolve() };
}
