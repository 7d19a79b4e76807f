/** Pipelines of real nodes, used as a client in any language would use them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { Status } from '../../generated/google/rpc/status.ts';
import {
  KeyValueServiceClient,
  type PipelineAnswer,
  type PipelineRequest,
  type PipelineResponse,
  PutRequest,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { errorFromStatus } from '../../src/wire/error-status.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';
import { RawRpc } from '../support/raw-rpc.ts';

type Call = PipelineRequest['calls'][number];

const buf = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));

const get = (id: number, textKey: string, timeoutMs = 0): Call => ({
  id,
  timeoutMs,
  request: {
    $case: 'get',
    value: { keyForm: { $case: 'textKey', value: textKey }, consistency: 4, explain: false },
  },
});

const putRequest = (textKey: string, value: PutRequest['valueForm']): PutRequest => ({
  keyForm: { $case: 'textKey', value: textKey },
  valueForm: value,
  consistency: 4,
  ttl: undefined,
  explain: false,
});

const put = (id: number, textKey: string, value: string): Call => ({
  id,
  timeoutMs: 0,
  request: { $case: 'put', value: putRequest(textKey, { $case: 'value', value }) },
});

/** A pipeline as the generated client opens it. */
class Pipeline {
  readonly #client: KeyValueServiceClient;
  readonly stream: ClientDuplexStream<PipelineRequest, PipelineResponse>;
  readonly answers = new Map<number, PipelineAnswer['answer']>();
  /** The gRPC code that it ended with. */
  endedWith: number | undefined;

  constructor(address: string, isRead = true) {
    this.#client = new KeyValueServiceClient(address, credentials.createInsecure());
    this.stream = this.#client.pipeline();
    this.stream.on('error', (error: ServiceError) => {
      this.endedWith = error.code;
    });
    this.stream.on('status', ({ code }: { code: number }) => {
      this.endedWith = code;
    });
    if (isRead) this.read();
  }

  read(): void {
    this.stream.on('data', ({ answers }: PipelineResponse) => {
      for (const { id, answer } of answers) this.answers.set(id, answer);
    });
  }

  send(...calls: readonly Call[]): boolean {
    return this.stream.write({ calls: [...calls] });
  }

  async untilAnswered(count: number): Promise<void> {
    await until(`${count} answers, ${this.answers.size} are there`, () => {
      assert.equal(this.endedWith, undefined);
      return this.answers.size >= count;
    });
  }

  close(): void {
    this.stream.on('error', () => undefined);
    this.stream.cancel();
    this.#client.close();
  }
}

describe('a pipeline', () => {
  let cluster: ProcessCluster;

  before(async () => {
    // In memory, answers that wait would share the bytes of the one stored value.
    cluster = await startCluster({ isDurable: true });
  });

  after(async () => {
    await cluster.stop();
  });

  const using = async (name: string, use: (pipeline: Pipeline) => Promise<void>) => {
    const pipeline = new Pipeline(cluster.address(name));
    try {
      await use(pipeline);
    } finally {
      pipeline.close();
    }
  };

  it('answers each of many calls, and what it wrote is there for all', () =>
    using('replica0', async (pipeline) => {
      const ids = Array.from({ length: 500 }, (_, id) => id);
      pipeline.send(...ids.map((id) => put(id, `many:${id}`, `value ${id}`)));
      await pipeline.untilAnswered(500);
      await using('replica2', async (other) => {
        for (const id of ids) other.send(get(id, `many:${id}`));
        await other.untilAnswered(500);
        for (const id of ids) {
          const answer = other.answers.get(id);
          assert.ok(answer?.$case === 'get');
          assert.equal(answer.value.valueForm?.value, `value ${id}`);
          const written = pipeline.answers.get(id);
          assert.ok(written?.$case === 'put');
          assert.equal(answer.value.version, written.value.version);
        }
      });
    }));

  it('fails a bad call alone, with the status of its unary sibling', () =>
    using('replica1', async (pipeline) => {
      const raw = new RawRpc(cluster.address('replica1'));
      const bad: readonly PutRequest[] = [
        putRequest('', { $case: 'value', value: 'x' }),
        putRequest('k'.repeat(1_025), { $case: 'value', value: 'x' }),
        putRequest('k', undefined),
        { ...putRequest('k', { $case: 'value', value: 'x' }), consistency: 77 as 4 },
        putRequest('k', { $case: 'value', value: 'x'.repeat(1024 * 1024 + 1) }),
        { ...putRequest('k', { $case: 'value', value: 'x' }), ttl: { seconds: -1n, nanos: 0 } },
      ];
      const calls = bad.map(
        (value, id): Call => ({ id, timeoutMs: 0, request: { $case: 'put', value } }),
      );
      pipeline.send(put(100, 'good', 'a'), ...calls, get(101, 'good'));
      await pipeline.untilAnswered(bad.length + 2);
      assert.equal(pipeline.answers.get(100)?.$case, 'put');
      assert.equal(pipeline.answers.get(101)?.$case, 'get');
      for (const [id, request] of bad.entries()) {
        const answer = pipeline.answers.get(id);
        assert.ok(answer?.$case === 'error');
        const error = errorFromStatus(Status.encode(answer.value).finish(), true);
        const encoded = PutRequest.encode(request).finish();
        const unary = await raw.unary('/quorate.v1.KeyValueService/Put', encoded);
        assert.ok(unary instanceof QuorateError);
        assert.deepEqual(
          [error.code, error.message, error.details],
          [unary.code, unary.message, unary.details],
        );
      }
      raw.close();
    }));

  it('answers what it has taken after a half-close, and ends with OK', () =>
    using('replica0', async (pipeline) => {
      pipeline.send(...Array.from({ length: 300 }, (_, id) => put(id, `half:${id}`, 'x')));
      pipeline.stream.end();
      await until('it has ended', () => pipeline.endedWith !== undefined);
      assert.deepEqual([pipeline.endedWith, pipeline.answers.size], [0, 300]);
    }));

  it('that is cancelled leaves the node as it was', async () => {
    for (let round = 0; round < 20; round++) {
      const pipeline = new Pipeline(cluster.address('replica3'));
      pipeline.send(...Array.from({ length: 200 }, (_, id) => put(id, `gone:${id}`, 'x')));
      pipeline.send(...Array.from({ length: 200 }, (_, id) => get(1_000 + id, `gone:${id}`)));
      await until('some of it is on its way', () => round % 2 === 0 || pipeline.answers.size > 0);
      pipeline.close();
    }
    await using('replica3', async (pipeline) => {
      pipeline.send(get(1, 'gone:1'));
      await pipeline.untilAnswered(1);
      assert.equal(pipeline.answers.get(1)?.$case, 'get');
    });
  });

  it('fills neither the node nor the client if nobody reads, and goes on when somebody does', async (t) => {
    const large = 'x'.repeat(512 * 1024);
    await using('replica0', async (writer) => {
      writer.send(put(1, 'large', large));
      await writer.untilAnswered(1);
    });
    const before = residentMegabytes(cluster.node('replica0').pid);
    const pipeline = new Pipeline(cluster.address('replica0'), false);
    try {
      let sent = 0;
      // 600 MiB of answers are asked for.
      while (sent < 1_200) {
        pipeline.send(...Array.from({ length: 100 }, () => get(sent++, 'large', 30_000)));
      }
      let most = 0;
      for (let sample = 0; sample < 20; sample++) {
        await sleep(150);
        most = Math.max(most, residentMegabytes(cluster.node('replica0').pid));
      }
      const grown = most - before;
      t.diagnostic(`the node grew by ${Math.round(grown)} MiB`);
      assert.ok(grown < 150, `the node grew by ${grown} MiB`);
      pipeline.read();
      await until('all are answered', () => pipeline.answers.size === 1_200, 30_000);
    } finally {
      pipeline.close();
    }
  });

  it('works for a stranger with reflection only', async () => {
    const child = spawn(buf, [
      ...['curl', '--protocol', 'grpc', '--http2-prior-knowledge', '-d', '@-'],
      `http://${cluster.address('replica0')}/quorate.v1.KeyValueService/Pipeline`,
    ]);
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stdin.end(
      `{"calls": [{"id": 1, "put": {"text_key": "curl", "value": "hello"}}, {"id": 2, "get": {"key": 256}}]}
       {"calls": [{"id": 3, "get": {"text_key": "absent"}, "timeout_ms": 500}]}`,
    );
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0);
    assert.match(stdout, /"id":\s*1,\s*"put":\s*{\s*"version"/);
    assert.match(stdout, /"id":\s*2,\s*"error":\s*{\s*"code":\s*3[\s\S]*INVALID_KEY/);
    assert.match(stdout, /"id":\s*3,\s*"get":\s*{\s*"found":\s*false/);
  });

  it('ends with OK when its node is stopped, which does not wait for it', () =>
    using('replica2', async (pipeline) => {
      const ids = Array.from({ length: 200 }, (_, id) => id);
      pipeline.send(...ids.map((id) => put(id, `stop:${id}`, 'x')));
      await pipeline.untilAnswered(1);
      const startMs = performance.now();
      const exit = cluster.stopNode('replica2');
      await until('it has ended', () => pipeline.endedWith !== undefined);
      assert.deepEqual([pipeline.endedWith, pipeline.answers.size], [0, 200]);
      assert.equal((await exit).code, 0);
      assert.ok(performance.now() - startMs < 2_500, 'the grace for open calls is 3 s');
    }));
});

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
