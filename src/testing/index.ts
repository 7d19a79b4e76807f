/** What `quorate/testing` exports: a cluster for the tests of programs that use `quorate/client`. */
export type { RepairMode } from '../consistency/repair-mode.ts';
export { TestCluster } from './test-cluster.ts';
export type { TestClusterOptions } from './test-cluster-options.ts';
