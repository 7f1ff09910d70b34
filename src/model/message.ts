// The two messages of an exchange, free of any protocol version (RFC 9110 6). Framing and connection fields are not in
// `fields`; they are `length`, `authority`, `upgrade` and the engines' own business.
import type { Fields } from '#http/fields.ts';
import type { Body } from './body.ts';
import type { ByteStream } from './byte-stream.ts';
import type { WebSocketInspection } from './web-socket.ts';

/** Protocol version as written in logs and Via: `1.0`, `1.1` or `2`; `tcp` and `udp` for what is passed on as it is. */
export type HttpVersion = '1.0' | '1.1' | '2' | 'tcp' | 'udp';

export interface Request {
  method: string;
  /** The scheme the client used to reach us. */
  scheme: 'http' | 'https';
  /** Host and port the client named, as received ('' when an HTTP/1.0 client named none). */
  authority: string;
  /** `authority` without port, lower case. */
  host: string;
  /** Absolute path, normalised; what is matched is what is forwarded. `*` for OPTIONS *. */
  path: string;
  /** `?` and what follows, or ''. */
  query: string;
  version: HttpVersion;
  fields: Fields;
  /** Octets of content, or `UNKNOWN_LENGTH`. 0 when there is none. */
  length: number;
  body: Body | undefined;
  /** Protocol asked for by Upgrade (RFC 9110 7.8), such as `websocket`; '' when none. */
  upgrade: string;
  /** Whether the client accepts trailers (TE: trailers, RFC 9110 10.1.4). */
  acceptsTrailers: boolean;
  /** Whether `fields` as received hold one that a gateway must look at, such as Via; see `FieldSection.notable`. */
  notable: boolean;
  /** Referer and User-Agent as received, for the access record; '' when absent. */
  referer: string;
  userAgent: string;
  /** Content-Type as received, which tells what kind of exchange this is; '' when absent. */
  contentType: string;
}

export interface Response {
  status: number;
  /** Reason phrase; '' stands for the registered one. */
  reason: string;
  fields: Fields;
  /** Octets of content, as announced also for HEAD and 304; `UNKNOWN_LENGTH` when not announced. */
  length: number;
  body: Body | undefined;
  /** After 101: the endpoint's connection, to be joined with the client's. */
  tunnel: Tunnel | undefined;
}

/** The endpoint's side of an upgraded connection. */
export interface Tunnel {
  readonly protocol: string;
  readonly stream: ByteStream;
  /** Bytes that came behind the response head. */
  readonly early: Uint8Array;
  readonly idleTimeoutMs: number;
  /** How its WebSocket is looked at; `undefined` when bytes pass as they are. */
  readonly inspection?: WebSocketInspection | undefined;
  /** To be called when both sides are closed; a second call does nothing. */
  done(): void;
}
