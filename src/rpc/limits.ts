/** The largest gRPC message, either way. A value is 1 MiB at most, so all that is valid fits. */
export const messageBytesMax = 4 * 1024 * 1024;
/** The largest request of a client: an answer that carries its value back is a little larger. */
export const requestBytesMax = messageBytesMax - 64 * 1024;
/** How many calls one connection may have open. */
export const streamsPerConnectionMax = 256;

/** Options of clients and servers that bound their messages. */
export const messageLimits = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
} as const;
