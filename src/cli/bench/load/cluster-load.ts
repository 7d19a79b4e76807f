import { EchoClient } from '../../../client/echo-client.ts';
import { NodeClient } from '../../../client/node-client.ts';
import { QuorateClient } from '../../../client/typed/index.ts';
import type { ConsistencyLevel } from '../../../config/choices.ts';
import type { Random } from '../../../runtime/random.ts';
import { SystemClock } from '../../../runtime/system-clock.ts';
import type { LoadClient } from './load.ts';

/** How calls travel: each by itself, or many in one message of the typed client. */
export const paths = ['unary', 'pipelined'] as const;

type Path = (typeof paths)[number];

/** One connection carries no more unary calls at once: what is beyond would queue in it for ever. */
export const unaryInFlightMax = 256;
/** As many as the typed client takes: what is too much is its to refuse. */
const pipelinedInFlightMax = 65_536;

/** What is done with keys. */
export type KeyAction = 'get' | 'put' | 'delete';

/** Whom a load calls, and how. */
export type BenchSubject =
  | { readonly kind: 'echo'; readonly address: string }
  | {
      readonly kind: 'cluster';
      /** The coordinators, as `host:port`: one that takes all calls, or all. */
      readonly addresses: readonly string[];
      readonly path: Path;
      readonly level: ConsistencyLevel;
      /** What part of the calls does what, in all 1. */
      readonly actions: readonly { readonly action: KeyAction; readonly part: number }[];
      readonly valueBytes: number;
    };

/** Connects one client. @throws QuorateError */
export async function openBenchClient(random: Random, subject: BenchSubject): Promise<LoadClient> {
  if (subject.kind === 'echo') {
    const client = new EchoClient(new SystemClock(), subject.address);
    return {
      call: async (key) => (await client.get(key)).found === true,
      inFlightMax: unaryInFlightMax,
      close: () => client.close(),
    };
  }
  const { calls, inFlightMax, close } = await (subject.path === 'unary'
    ? openUnary(subject)
    : openPipelined(subject));
  const { actions } = subject;
  const [only] = actions;
  if (actions.length === 1 && only !== undefined) {
    return { call: calls[only.action], inFlightMax, close };
  }
  return {
    call: (key) => {
      let left = random.fraction();
      const chosen = actions.find(({ part }) => {
        left -= part;
        return left < 0;
      });
      return calls[(chosen ?? only)?.action ?? 'get'](key);
    },
    inFlightMax,
    close,
  };
}

type ClusterSubject = Extract<BenchSubject, { kind: 'cluster' }>;

interface ClusterCalls {
  readonly calls: Readonly<Record<KeyAction, (key: Buffer) => Promise<boolean>>>;
  readonly inFlightMax: number;
  readonly close: () => void | Promise<void>;
}

/** One connection to each coordinator, which take turns. */
async function openUnary({ addresses, level, valueBytes }: ClusterSubject): Promise<ClusterCalls> {
  const clients = addresses.map((address) => new NodeClient(address, { consistency: level }));
  await Promise.all(clients.map((client) => client.connect()));
  let turn = 0;
  const next = (): NodeClient => {
    turn = (turn + 1) % clients.length;
    return clients[turn] as NodeClient;
  };
  const value = { kind: 'text', text: benchValue(valueBytes) } as const;
  return {
    calls: {
      get: async (key) => {
        const { value } = await next().get(key);
        return value?.kind === 'text' && value.text.length === valueBytes;
      },
      put: async (key) => (await next().put(key, value)).version !== '',
      delete: async (key) => (await next().delete(key)).version !== '',
    },
    inFlightMax: unaryInFlightMax * clients.length,
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

async function openPipelined(subject: ClusterSubject): Promise<ClusterCalls> {
  const { addresses, level, valueBytes } = subject;
  const [first] = addresses;
  const client = await QuorateClient.connect(`quorate://${addresses.join(',')}`, {
    consistency: level,
    ...(addresses.length === 1 && { coordinator: first }),
  });
  const value = benchValue(valueBytes);
  return {
    calls: {
      get: async (key) => (await client.get(key))?.length === valueBytes,
      put: async (key) => (await client.put(key, value)).version !== '',
      delete: async (key) => (await client.delete(key)).version !== '',
    },
    inFlightMax: pipelinedInFlightMax,
    close: () => client.close(),
  };
}

/** What every key holds. */
function benchValue(bytes: number): string {
  return 'v'.repeat(bytes);
}
