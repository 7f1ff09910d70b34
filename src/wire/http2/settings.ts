// SETTINGS of HTTP/2 (RFC 9113 6.5): reads and checks what a peer announces, writes what we announce.
import { Http2Error } from './http2-error.ts';
import { DEFAULT_WINDOW, MAX_FRAME_BYTES, MAX_WINDOW, SETTING } from './protocol.ts';

/** What a peer has announced. */
export class PeerSettings {
  /** RFC 9113 6.5.2: initially unlimited. */
  maxStreams = Number.POSITIVE_INFINITY;
  initialWindow = DEFAULT_WINDOW;
  maxHeaderListBytes = Number.POSITIVE_INFINITY;
  /** Whether it has said that it takes pushed responses, which is for clients to say. */
  enablesPush = false;
  /** Whether extended CONNECT may be sent (RFC 8441 3). */
  allowsConnectProtocol = false;
  /** Whether the old priorities mean nothing (RFC 9218 2.1), 0 or 1. */
  #noOldPriorities = 0;
  #isFirst = true;
  readonly #tableSized: (bytes: number) => void;

  /** Calls `tableSized` with every HEADER_TABLE_SIZE: the smallest of those between two header blocks counts too (RFC 7541 4.2). */
  constructor(tableSized: (bytes: number) => void) {
    this.#tableSized = tableSized;
  }

  /** Takes the settings of one frame in order. Throws an `Http2Error`. */
  take(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at += 6) this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    this.#isFirst = false;
  }

  #set(id: number, value: number): void {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        this.#tableSized(value);
        return;
      case SETTING.ENABLE_PUSH:
        // "Any value other than 0 or 1 MUST be treated as a connection error of type PROTOCOL_ERROR."
        if (value > 1) throw new Http2Error('PROTOCOL_ERROR', 'ENABLE_PUSH is neither 0 nor 1');
        this.enablesPush = value === 1;
        return;
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        return;
      case SETTING.INITIAL_WINDOW_SIZE:
        // "Values above the maximum flow-control window size of 2^31-1 MUST be treated as a connection error of type FLOW_CONTROL_ERROR."
        if (value > MAX_WINDOW) throw new Http2Error('FLOW_CONTROL_ERROR', 'INITIAL_WINDOW_SIZE is too large');
        this.initialWindow = value;
        return;
      case SETTING.MAX_FRAME_SIZE:
        // "Values outside this range MUST be treated as a connection error of type PROTOCOL_ERROR."
        if (value < MAX_FRAME_BYTES || value > 0xffffff)
          throw new Http2Error('PROTOCOL_ERROR', 'MAX_FRAME_SIZE is out of range');
        // Larger frames would only keep the others waiting.
        return;
      case SETTING.MAX_HEADER_LIST_SIZE:
        this.maxHeaderListBytes = value;
        return;
      case SETTING.ENABLE_CONNECT_PROTOCOL:
        this.#setConnectProtocol(value);
        return;
      case SETTING.NO_RFC7540_PRIORITIES:
        this.#setOldPriorities(value);
        return;
      default: // "An endpoint that receives a SETTINGS frame with any unknown or unsupported identifier MUST ignore that setting."
    }
  }

  #setConnectProtocol(value: number): void {
    // RFC 8441 3: "A sender MUST NOT send a SETTINGS_ENABLE_CONNECT_PROTOCOL parameter with the value of 0 after previously sending a
    // value of 1"; a value beyond 1 is as wrong as it is of ENABLE_PUSH.
    if (value > 1 || (value === 0 && this.allowsConnectProtocol))
      throw new Http2Error('PROTOCOL_ERROR', 'ENABLE_CONNECT_PROTOCOL is not allowed to be so');
    this.allowsConnectProtocol = value === 1;
  }

  #setOldPriorities(value: number): void {
    // RFC 9218 2.1: "Any value other than 0 or 1 MUST be treated as a connection error […] of type PROTOCOL_ERROR"; and so must a change
    // after the first SETTINGS frame.
    if (value > 1 || (value !== this.#noOldPriorities && !this.#isFirst))
      throw new Http2Error('PROTOCOL_ERROR', 'NO_RFC7540_PRIORITIES is not allowed to be so');
    this.#noOldPriorities = value;
  }
}

/** The payload of a SETTINGS frame with these pairs of identifier and value. */
export function formatSettings(pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return payload;
}
