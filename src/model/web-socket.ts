// How a WebSocket is looked at on its way through, and what is known of an upgraded connection in the end. No frames here: see
// wire/websocket/.
import type { Random } from '#lib/random.ts';
import type { CloseReason } from './passage.ts';

export interface PingSettings {
  /** Without a byte from a side after which it is asked for a sign of life. */
  readonly intervalMs: number;
  /** How long it may take to give one. */
  readonly timeoutMs: number;
  /** Which sides are asked. */
  readonly client: boolean;
  readonly endpoint: boolean;
}

export interface FrameRate {
  readonly perSecond: number;
  /** How many at once. */
  readonly burst: number;
}

/** The rules of all WebSockets of one policy. */
export interface WebSocketRules {
  /** Payload of one frame, and of a message in all its frames, as they are sent: compressed, where they are. */
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  /** Without data in either direction, pings and pongs set aside; `undefined` for the upstream's own limit, to which they count. */
  readonly idleTimeoutMs: number | undefined;
  /** 0 for ever. */
  readonly lifetimeMs: number;
  readonly ping: PingSettings | undefined;
  /** Frames of the client. */
  readonly frameRate: FrameRate | undefined;
  /** Over how long a time connections are closed that all have to go. */
  readonly closeSpreadMs: number;
  readonly random: Random;
}

/** How one WebSocket is looked at. */
export interface WebSocketInspection {
  readonly rules: WebSocketRules;
  /** Whether both sides have agreed on compression of messages (RFC 7692). */
  readonly compression: boolean;
}

/** What is known of the messages of a WebSocket that was looked at. */
export interface WebSocketCounts {
  /** From the client, and to it. */
  messagesReceived: number;
  messagesSent: number;
  /** Of the first Close frame, whoever has sent it; 1005 when it had no code, 1006 when there was none (RFC 6455 7.1.5). */
  closeCode: number;
}

/** What is known of an upgraded connection beside what every exchange has. */
export interface TunnelRecord {
  /** '' while it lives, and when an error has ended it. */
  closedBy: CloseReason | '';
  /** `undefined` when nobody has looked at it. */
  readonly messages: WebSocketCounts | undefined;
}
