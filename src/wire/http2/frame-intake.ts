// Takes the frames of a peer one by one: checks each against the state of its connection and stream, and has Session do what it says
// (RFC 9113 5.1 and 6). Field sections are collected here and read by the session's own kind.

import type { FrameReceiver } from './frame-reader.ts';
import { checkFrameHead } from './frame-rules.ts';
import { Http2Error } from './http2-error.ts';
import { errorName, FLAG, FRAME, MAX_WINDOW, PING_PAYLOAD } from './protocol.ts';
import type { Session } from './session.ts';
import type { Http2Stream } from './stream.ts';

const NOTHING = new Uint8Array(0);
const MAX_DEBUG_BYTES = 200;

export class FrameIntake implements FrameReceiver {
  /** Whether the peer's first settings have come. */
  isSettled = false;
  /** SETTINGS of ours that the peer has not acknowledged. */
  unacknowledged = 0;
  readonly #session: Session;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** The stream that DATA is for; `undefined` when it is for none that wants it. */
  #dataStream: Http2Stream | undefined = undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  frameHead(type: number, flags: number, streamId: number, length: number): void {
    // RFC 9113 3.4: the preface of both ends has SETTINGS as its first frame.
    if (!this.isSettled && (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0))
      throw new Http2Error('PROTOCOL_ERROR', 'the first frame is not SETTINGS');
    checkFrameHead(type, streamId, length);
    // RFC 9113 6.10: frames other than CONTINUATION of the same stream within a header block are a connection error PROTOCOL_ERROR.
    if (
      this.#session.block.streamId !== 0 &&
      (type !== FRAME.CONTINUATION || streamId !== this.#session.block.streamId)
    )
      throw new Http2Error('PROTOCOL_ERROR', 'a header block is interrupted');
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    if (type === FRAME.DATA) this.#beginData(length);
  }

  framePayload(bytes: Buffer, from: number, to: number): void {
    switch (this.#type) {
      case FRAME.HEADERS:
        if (this.#session.block.begin(this.#flags, this.#streamId, { bytes, from, to })) this.#endBlock();
        return;
      case FRAME.CONTINUATION:
        if (this.#session.block.streamId === 0)
          throw new Http2Error('PROTOCOL_ERROR', 'CONTINUATION without a header block');
        if (this.#session.block.continue(this.#flags, bytes, from, to)) this.#endBlock();
        return;
      case FRAME.WINDOW_UPDATE:
        this.#widen(bytes.readUInt32BE(from) & 0x7fffffff);
        return;
      case FRAME.RST_STREAM:
        this.#takeReset(bytes.readUInt32BE(from));
        return;
      case FRAME.SETTINGS:
        this.#takeSettings(bytes, from, to);
        return;
      case FRAME.PING:
        this.#takePing(bytes, from, to);
        return;
      case FRAME.GOAWAY:
        this.#takeGoAway(bytes, from, to);
        return;
      case FRAME.PRIORITY:
        this.#takePriority(bytes, from, to);
        return;
      case FRAME.PUSH_PROMISE:
        // RFC 9113 8.4: "A client cannot push"; and of a server we say in our settings that it may not.
        throw new Http2Error('PROTOCOL_ERROR', 'PUSH_PROMISE was not allowed');
      case FRAME.PRIORITY_UPDATE:
        this.#session.floods.count('priority-flood');
        this.#session.takePriorityUpdate(bytes, from, to);
        return;
      default:
        // RFC 9113 5.5: "Implementations MUST discard frames that have unknown or unsupported types."
        this.#session.floods.count('unknown-frame-flood');
    }
  }

  dataContent(bytes: Buffer, from: number, to: number): void {
    const stream = this.#dataStream;
    if (!stream) {
      this.#session.receiveWindow.credit(to - from);
      return;
    }
    if (stream.expected >= 0) {
      stream.expected -= to - from;
      if (stream.expected < 0) {
        this.#dataStream = undefined;
        this.#session.receiveWindow.credit(to - from);
        this.#session.spoil(stream, 'more content than content-length says');
        return;
      }
    }
    stream.owner?.receiveData(bytes.subarray(from, to));
    // The owner may have ended it.
    if (stream.closed) this.#dataStream = undefined;
  }

  dataEnd(padding: number): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (padding > 0) {
      if (stream) this.#session.consumed(stream, padding);
      else this.#session.receiveWindow.credit(padding);
    }
    if (stream && this.#flags & FLAG.END_STREAM) this.#session.endRemote(stream, '');
  }

  #beginData(length: number): void {
    const isEnd = (this.#flags & FLAG.END_STREAM) !== 0;
    if (length === 0 && !isEnd) this.#session.floods.count('empty-data-flood');
    // RFC 9113 6.9.1: frames beyond a window are an error of the connection or of the stream, whose window it is. Padding counts.
    if (!this.#session.receiveWindow.take(length))
      throw new Http2Error('FLOW_CONTROL_ERROR', 'more content than the connection window');
    const stream = this.#session.streams.get(this.#streamId);
    this.#dataStream = undefined;
    if (!stream) {
      this.#checkGone('DATA');
      return;
    }
    if (stream.remoteEnded) {
      this.#session.breach(stream, 'STREAM_CLOSED', 'DATA behind the end of the stream');
      return;
    }
    if (stream.awaitsHead) {
      // RFC 9113 8.1: DATA comes behind the header section, so that the message is malformed.
      this.#session.breach(stream, 'PROTOCOL_ERROR', 'content before the head');
      return;
    }
    stream.receiveWindow -= length;
    // RFC 9113 6.9.1: frames of length 0 "MAY be sent if there is no available space"; a window may be negative (6.9.2).
    if (length > 0 && stream.receiveWindow < 0) {
      this.#session.breach(stream, 'FLOW_CONTROL_ERROR', 'more content than the stream window');
      return;
    }
    this.#dataStream = stream;
  }

  /** A frame for a stream that is not open. */
  #checkGone(what: string): void {
    if (this.#session.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', `${what} on an idle stream`);
    if (!this.#session.isIgnored(this.#streamId)) throw new Http2Error('STREAM_CLOSED', `${what} on a closed stream`);
  }

  #endBlock(): void {
    this.#session.takeBlock();
    this.#session.block.end();
  }

  #widen(increment: number): void {
    const streamId = this.#streamId;
    this.#session.floods.count('window-update-flood');
    if (streamId === 0) {
      if (increment === 0) throw new Http2Error('PROTOCOL_ERROR', 'WINDOW_UPDATE by nothing');
      this.#session.queue.window += increment;
      if (this.#session.queue.window > MAX_WINDOW)
        throw new Http2Error('FLOW_CONTROL_ERROR', 'the connection window is too large');
      this.#session.queue.pump();
      return;
    }
    const stream = this.#session.streams.get(streamId);
    if (!stream) {
      if (this.#session.isIdle(streamId)) throw new Http2Error('PROTOCOL_ERROR', 'WINDOW_UPDATE on an idle stream');
      return;
    }
    // RFC 9113 6.9: an increment of 0 is a stream error of type PROTOCOL_ERROR.
    if (increment === 0) {
      this.#session.breach(stream, 'PROTOCOL_ERROR', 'WINDOW_UPDATE by nothing');
      return;
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) {
      this.#session.breach(stream, 'FLOW_CONTROL_ERROR', 'the stream window is too large');
      return;
    }
    this.#session.queue.enqueue(stream);
    this.#session.queue.pump();
  }

  #takeReset(code: number): void {
    const stream = this.#session.streams.get(this.#streamId);
    if (!stream) {
      if (this.#session.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', 'RST_STREAM on an idle stream');
      return;
    }
    const name = errorName(code);
    this.#session.forget(stream);
    stream.owner?.lost({
      code: name,
      by: 'peer',
      reason: `RST_STREAM ${name}`,
      isUnprocessed: name === 'REFUSED_STREAM',
    });
    this.#session.floods.gaveUp();
  }

  #takeSettings(bytes: Buffer, from: number, to: number): void {
    if (this.#flags & FLAG.ACK) {
      // RFC 9113 6.5: SETTINGS with ACK and a payload is a connection error FRAME_SIZE_ERROR.
      if (to > from) throw new Http2Error('FRAME_SIZE_ERROR', 'an acknowledgement of SETTINGS has a payload');
      if (this.unacknowledged > 0 && --this.unacknowledged === 0) this.#session.acknowledged();
      return;
    }
    if ((to - from) % 6 !== 0) throw new Http2Error('FRAME_SIZE_ERROR', 'SETTINGS is not a list of settings');
    this.#session.floods.count('settings-flood');
    const { initialWindow } = this.#session.peer;
    this.#session.peer.take(bytes, from, to);
    this.#session.checkSettings();
    this.isSettled = true;
    this.#shiftWindows(this.#session.peer.initialWindow - initialWindow);
    this.#session.writer.frame(FRAME.SETTINGS, FLAG.ACK, 0, NOTHING);
    this.#session.host.settled();
    this.#session.queue.pump();
  }

  /** RFC 9113 6.9.2: a changed initial window moves the windows of all streams that there are. */
  #shiftWindows(by: number): void {
    if (by === 0) return;
    for (const stream of this.#session.streams.values()) {
      stream.sendWindow += by;
      if (stream.sendWindow > MAX_WINDOW) throw new Http2Error('FLOW_CONTROL_ERROR', 'a stream window is too large');
      this.#session.queue.enqueue(stream);
    }
  }

  #takePing(bytes: Buffer, from: number, to: number): void {
    this.#session.floods.count('ping-flood');
    if (this.#flags & FLAG.ACK) {
      if (bytes.subarray(from, to).equals(PING_PAYLOAD)) this.#session.host.pinged();
      return;
    }
    this.#session.writer.frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(from, to));
  }

  #takeGoAway(bytes: Buffer, from: number, to: number): void {
    const lastStreamId = bytes.readUInt32BE(from) & 0x7fffffff;
    // RFC 9113 6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier".
    this.#session.lastUsableStreamId = Math.min(this.#session.lastUsableStreamId, lastStreamId);
    const debug = bytes.toString('latin1', from + 8, Math.min(to, from + 8 + MAX_DEBUG_BYTES));
    this.#session.host.goneAway(errorName(bytes.readUInt32BE(from + 4)), debug);
    this.#session.peerLeaves();
  }

  /** RFC 9113 5.3.2 has made the old scheme obsolete; what is left of it are its errors. */
  #takePriority(bytes: Buffer, from: number, to: number): void {
    this.#session.floods.count('priority-flood');
    const stream = this.#session.streams.get(this.#streamId);
    if (to - from !== 5) {
      // RFC 9113 6.3: "A PRIORITY frame with a length other than 5 octets MUST be treated as a stream error of type FRAME_SIZE_ERROR."
      if (stream) this.#session.breach(stream, 'FRAME_SIZE_ERROR', 'PRIORITY is not of 5 octets');
      else if (this.#session.isIdle(this.#streamId))
        throw new Http2Error('FRAME_SIZE_ERROR', 'PRIORITY is not of 5 octets');
      return;
    }
    // RFC 7540 5.3.1: "A stream cannot depend on itself."
    if ((bytes.readUInt32BE(from) & 0x7fffffff) !== this.#streamId) return;
    if (stream) this.#session.breach(stream, 'PROTOCOL_ERROR', 'a stream depends on itself');
    else if (this.#session.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', 'a stream depends on itself');
  }
}
