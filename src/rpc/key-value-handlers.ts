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
import {
  deleteFromWire,
  getFromWire,
  putFromWire,
  readResultToWire,
  writeResultToWire,
} from '../wire/request-form.ts';
import { type CallContext, type HandlerComponents, unary } from './call-context.ts';

/** KeyValueService: checks what came in, hands it to the coordinator, spells the answer. */
export function keyValueHandlers(
  components: HandlerComponents & { readonly coordinator: Coordinator },
): Omit<KeyValueServiceServer, 'pipeline'> {
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
  { timeoutMs, onCancel }: CallContext,
): Promise<GetResponse> {
  return readResultToWire(await coordinator.get({ ...getFromWire(request), timeoutMs, onCancel }));
}

async function put(
  coordinator: Coordinator,
  request: PutRequest,
  { timeoutMs }: CallContext,
): Promise<PutResponse> {
  return writeResultToWire(await coordinator.write({ ...putFromWire(request), timeoutMs }));
}

async function remove(
  coordinator: Coordinator,
  request: DeleteRequest,
  { timeoutMs }: CallContext,
): Promise<DeleteResponse> {
  const tombstone = { ...deleteFromWire(request), value: undefined };
  return writeResultToWire(await coordinator.write({ ...tombstone, timeoutMs }));
}
