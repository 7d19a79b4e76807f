import type { AnyDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { fileDescriptors } from '../wire/descriptors.ts';

/**
 * Reflection v1 and v1alpha from the descriptors that buf wrote. (Descriptors that proto-loader
 * rebuilds have lost their imports and comments, and grpcurl then finds no service.)
 */
export function reflectionService(): ReflectionService {
  // The service reads nothing of a package definition but these bytes.
  const type = { format: 'proto', type: {}, fileDescriptorProtos: [...fileDescriptors()] };
  const definition = { quorate: type as unknown as AnyDefinition };
  return new ReflectionService(definition, { services: describedServices });
}

const describedServices = [
  'quorate.v1.KeyValueService',
  'quorate.v1.ClusterService',
  'grpc.health.v1.Health',
];
