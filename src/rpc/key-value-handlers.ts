import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { KeyValueServiceService } from '../../generated/quorate/v1/key_value.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { decodeRequest, type RequestKind } from '../wire/request-codec.ts';
import type { DomainRequest } from '../wire/request-form.ts';
import { encodeRead, encodeWrite } from '../wire/result-codec.ts';
import { type HandlerComponents, unary } from './call-context.ts';
import { tolerantly } from './tolerant-service.ts';

/** The single calls of KeyValueService: hands what came in to the coordinator. */

type RequestOf<Kind extends RequestKind> = Extract<DomainRequest, { readonly kind: Kind }>;

/** The methods as gRPC sees them, with the coordinator's words instead of generated messages. */
export const keyValueMethods = {
  get: {
    ...KeyValueServiceService.get,
    requestDeserialize: tolerantly((bytes) => decodeRequest('get', bytes)),
    responseSerialize: encodeRead,
  },
  put: {
    ...KeyValueServiceService.put,
    requestDeserialize: tolerantly((bytes) => decodeRequest('put', bytes)),
    responseSerialize: encodeWrite,
  },
  delete: {
    ...KeyValueServiceService.delete,
    requestDeserialize: tolerantly((bytes) => decodeRequest('delete', bytes)),
    responseSerialize: encodeWrite,
  },
} as const;

export function keyValueHandlers(
  components: HandlerComponents & { readonly coordinator: Coordinator },
): UntypedServiceImplementation {
  const { coordinator } = components;
  return {
    get: unary(components, (request: RequestOf<'get'>, { timeoutMs, onCancel }) => {
      const { key, level, isExplained } = request;
      return coordinator.get({ key, level, isExplained, timeoutMs, onCancel });
    }),
    put: unary(components, (request: RequestOf<'put'>, { timeoutMs }) => {
      const { key, level, isExplained, value, ttlMs } = request;
      return coordinator.write({ key, level, isExplained, timeoutMs, value, ttlMs });
    }),
    delete: unary(components, (request: RequestOf<'delete'>, { timeoutMs }) => {
      const { key, level, isExplained } = request;
      return coordinator.write({ key, level, isExplained, timeoutMs, value: undefined });
    }),
  };
}
