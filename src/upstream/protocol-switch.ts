// What a 101 (Switching Protocols) of an endpoint means: the connection as a tunnel, or nothing that was asked for.
import type { ByteStream } from '#model/byte-stream.ts';
import type { Response } from '#model/message.ts';
import type { ResponseHead } from '#wire/http1/response-head.ts';
import type { Http1Attempt } from './http1-attempt.ts';
import { toResponse } from './http1-response.ts';

/** The connection that is to become a tunnel. */
export interface Switching {
  readonly stream: ByteStream;
  /** Bytes that came behind the head. */
  readonly early: Buffer;
  readonly wallMs: number;
  /** Called when the tunnel is closed. */
  done(): void;
}

/** The response with its tunnel; `undefined` when the endpoint switches to what nobody has asked for. */
export function switchProtocols(attempt: Http1Attempt, head: ResponseHead, switching: Switching): Response | undefined {
  const { exchange, upstream } = attempt;
  const protocol = head.section.upgrade;
  if (!wasAskedFor(exchange.request.upgrade, protocol)) return undefined;
  const { stream, early, wallMs, done } = switching;
  const tunnel = { protocol, stream, early: Buffer.from(early), idleTimeoutMs: upstream.timeouts.tunnelIdleMs, done };
  return { ...toResponse(head, '', wallMs), length: 0, tunnel };
}

/** RFC 9110 7.8: the origin may only switch to a protocol that was asked for. */
function wasAskedFor(asked: string, given: string): boolean {
  if (asked === '' || given === '') return false;
  return asked.split(',').some((protocol) => protocol.trim().toLowerCase() === given.toLowerCase());
}
