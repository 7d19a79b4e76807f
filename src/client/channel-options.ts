import type { ChannelOptions } from '@grpc/grpc-js';

/**
 * How a client connects: nothing is sent twice behind its back, and a node that comes back is found
 * again within a second. The benchmark's bare client takes the same, or it would measure others.
 */
export const channelOptions: ChannelOptions = {
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
};
