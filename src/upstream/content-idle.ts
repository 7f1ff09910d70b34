// How long content of a response may stand still.
import type { Response } from '#model/message.ts';
import type { Upstream } from '#model/upstream.ts';

/** Media types of responses that last, and may have nothing to say for a while: event streams and calls of gRPC. */
const LASTING = /^(?:text\/event-stream|application\/grpc)(?:[+;-]|\s|$)/i;

/** Milliseconds without a byte of the content. */
export function contentIdleMs({ timeouts }: Upstream, { fields }: Response): number {
  return LASTING.test(fields.get('content-type') ?? '') ? timeouts.streamIdleMs : timeouts.idleMs;
}
