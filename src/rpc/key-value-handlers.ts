import type {
  DeleteRequest,
  DeleteResponse,
  GetRequest,
  GetResponse,
  KeyValueServiceServer,
  PutRequest,
  PutResponse,
} from '../../generated/quorate/v1/key_value.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import type { ReadResult, WriteResult } from '../coordinator/request.ts';
import { formatVersion } from '../record/version.ts';
import { explanationToWire } from '../wire/explanation-form.ts';
import { keyFromWire } from '../wire/key-form.ts';
import { levelFromWire } from '../wire/level-form.ts';
import { ttlFromWire } from '../wire/ttl-form.ts';
import { valueFromWire, valueToWire } from '../wire/value-form.ts';
import { timestampToWire, writeTimeToWire } from '../wire/version-form.ts';
import { type CallContext, type HandlerComponents, unary } from './call-context.ts';

/** KeyValueService: checks what came in, hands it to the coordinator, spells the answer. */
export function keyValueHandlers(
  components: HandlerComponents & { readonly coordinator: Coordinator },
): KeyValueServiceServer {
  const { coordinator } = components;
  return {
    get: unary(components, (request: GetRequest, context) => get(coordinator, request, context)),
    put: unary(components, (request: PutRequest, context) => put(coordinator, request, context)),
    delete: unary(components, (request: DeleteRequest, context) =>
      remove(coordinator, request, context),
    ),
  };
}

async function get(
  coordinator: Coordinator,
  request: GetRequest,
  context: CallContext,
): Promise<GetResponse> {
  const result = await coordinator.get({
    ...common(request, context),
    onCancel: (cancel) => context.onCancel(cancel),
  });
  return getResponse(result);
}

async function put(
  coordinator: Coordinator,
  request: PutRequest,
  context: CallContext,
): Promise<PutResponse> {
  const value = valueFromWire(request.valueForm);
  const ttlMs = ttlFromWire(request.ttl);
  return writeResponse(await coordinator.write({ ...common(request, context), value, ttlMs }));
}

async function remove(
  coordinator: Coordinator,
  request: DeleteRequest,
  context: CallContext,
): Promise<DeleteResponse> {
  return writeResponse(await coordinator.write({ ...common(request, context), value: undefined }));
}

function common(request: GetRequest | PutRequest | DeleteRequest, context: CallContext) {
  return {
    key: keyFromWire(request.keyForm),
    level: levelFromWire(request.consistency),
    timeoutMs: context.timeoutMs,
    isExplained: request.explain,
  };
}

function getResponse({ record, expireTimeMs, explanation }: ReadResult): GetResponse {
  return {
    found: record?.value !== undefined,
    valueForm: record?.value && valueToWire(record.value),
    version: formatVersion(record?.version),
    writeTime: writeTimeToWire(record?.version),
    expireTime: timestampToWire(expireTimeMs),
    explanation: explanationToWire(explanation),
  };
}

function writeResponse({ version, explanation }: WriteResult): PutResponse {
  return {
    version: formatVersion(version),
    writeTime: writeTimeToWire(version),
    explanation: explanationToWire(explanation),
  };
}
