/** What `quorate/client` exports: the client of a cluster for other programs. */
export {
  QuorateError,
  type QuorateErrorCode,
  type QuorateErrorDetails,
} from '../../base/quorate-error.ts';
export type { ConsistencyLevel } from '../../consistency/consistency-level.ts';
export { bytes, type Codec, json, type StoredValue, text } from './codec.ts';
export type { Explanation, Key, KeyEntry, KeyView, Written } from './key-view.ts';
export type {
  CallOptions,
  ConnectOptions,
  ExplainOptions,
  PutOptions,
  ViewOptions,
} from './options.ts';
export { QuorateClient } from './quorate-client.ts';
