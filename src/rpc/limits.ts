/** The largest gRPC message, either way. A value is 1 MiB at most, so all that is valid fits. */
export const messageBytesMax = 4 * 1024 * 1024;
/** The largest request of a client: an answer that carries its value back is a little larger. */
export const requestBytesMax = messageBytesMax - 64 * 1024;
/** How many calls one connection may have open. */
export const streamsPerConnectionMax = 256;

/** How many calls of one pipeline may be taken and not answered; half of what a node coordinates. */
export const pipelineCallsMax = 4_096;
/** How many bytes those calls and their answers may take, the answers to come by their estimate. */
export const pipelineBytesMax = 16 * 1024 * 1024;
/** A message of answers has no more than this, or one answer. */
export const pipelineMessageBytes = 256 * 1024;

/** Options of clients and servers that bound their messages. */
export const messageLimits = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
} as const;
