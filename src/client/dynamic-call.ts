/**
 * Calls by name, with requests and answers in JSON: for methods that this package knows only from
 * their descriptors. Unary calls and server streams.
 */
import {
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  loadFileDescriptorSetFromBuffer,
  type MethodDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { QuorateError } from '../base/quorate-error.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { fileDescriptorSet } from '../wire/descriptors.ts';
import { toQuorateError } from './call-error.ts';
import { connect } from './connect.ts';
import { JsonForm } from './json-form.ts';

type Method = MethodDefinition<object, object>;

export interface DynamicCallOptions {
  /** The node, as `host:port`. */
  readonly target: string;
  readonly timeoutMs: number;
}

/** Loads the descriptors of all calls. */
function loadDefinition(): PackageDefinition {
  return loadFileDescriptorSetFromBuffer(fileDescriptorSet(), {
    keepCase: true,
    longs: String,
    enums: String,
    bytes: String,
  });
}

const internalPrefix = 'quorate.internal.';
/** Calls that change something; without an answer their outcome is uncertain. */
const writes = /\/(Put|Delete|Batch|Pipeline)$/;

/** The methods that can be called, as `package.Service/Method`. */
export function dynamicMethods(definition = loadDefinition()): readonly string[] {
  return Object.entries(definition)
    .filter(([name, each]) => !('format' in each) && !name.startsWith(internalPrefix))
    .flatMap(([name, service]) =>
      Object.entries(service as ServiceDefinition)
        .filter(([, method]) => !method.requestStream)
        .map(([method]) => `${name}/${method}`),
    );
}

/**
 * Makes a call and gives its answers as JSON: one, or as many as the stream has.
 *
 * @param name one of {@link dynamicMethods}; the package may be left out.
 * @throws QuorateError CONFIGURATION before the call is made; else what the node said.
 */
export async function* callDynamically(
  name: string,
  request: unknown,
  options: DynamicCallOptions,
): AsyncIterable<unknown> {
  const definition = loadDefinition();
  const forms = new JsonForm(definition);
  const full = fullName(name, dynamicMethods(definition));
  const [service = '', methodName = ''] = full.split('/');
  const method = (definition[service] as ServiceDefinition)[methodName] as Method;
  const typeOf = ({ type }: { type: object }) =>
    `${service.slice(0, service.lastIndexOf('.'))}.${(type as { name: string }).name}`;
  const message = forms.toMessage(typeOf(method.requestType), request) as object;
  const client = new Client(options.target, credentials.createInsecure(), channelOptions);
  try {
    const deadline = new SystemClock().realtimeMs() + options.timeoutMs;
    await connect(client.getChannel(), deadline, options.target);
    for await (const answer of answers(client, method, message, deadline)) {
      yield forms.toJson(typeOf(method.responseType), answer);
    }
  } catch (error: unknown) {
    if (error instanceof QuorateError) throw error;
    throw toQuorateError(error as ServiceError, writes.test(full));
  } finally {
    client.close();
  }
}

const channelOptions = { 'grpc.enable_retries': 0, 'grpc.enable_http_proxy': 0 };

function answers(
  client: Client,
  method: Method,
  message: object,
  deadline: number,
): AsyncIterable<object> {
  const { path, requestSerialize, responseDeserialize } = method;
  if (method.responseStream) {
    const stream: ClientReadableStream<object> = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      new Metadata(),
      { deadline },
    );
    return stream as AsyncIterable<object>;
  }
  return once(
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        new Metadata(),
        { deadline },
        (error, response) => {
          if (error === null) resolve(response ?? {});
          else reject(error);
        },
      );
    }),
  );
}

async function* once(answer: Promise<object>): AsyncIterable<object> {
  yield await answer;
}

function fullName(name: string, known: readonly string[]): string {
  const found = known.filter((full) => full === name || full.endsWith(`.${name}`));
  const [full] = found;
  if (full !== undefined && found.length === 1) return full;
  const message = `there is no call "${name}": use one of ${known.join(', ')}`;
  throw new QuorateError('CONFIGURATION', { name }, message);
}
