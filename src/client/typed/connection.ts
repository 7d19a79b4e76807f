import type { KeySpelling } from '../../wire/key-form.ts';
import type { PlainValue } from '../../wire/value-form.ts';
import type { ClusterAnswer, GetAnswer, WriteAnswer } from '../answers.ts';
import type { CallOptions, PutOptions } from '../node-client.ts';
import type { PipelineEvents, PipelineStream } from '../pipeline-stream.ts';

/** A connection to one node, as far as calls need it; `NodeClient` is the real one. */
export interface Connection {
  /** @throws QuorateError CONNECTION_FAILED */
  connect(timeoutMs: number): Promise<void>;
  describeCluster(): Promise<ClusterAnswer>;
  openPipeline(events: PipelineEvents): PipelineStream;
  get(key: KeySpelling, options: CallOptions): Promise<GetAnswer>;
  put(key: KeySpelling, value: PlainValue, options: PutOptions): Promise<WriteAnswer>;
  delete(key: KeySpelling, options: CallOptions): Promise<WriteAnswer>;
  close(): void;
}
