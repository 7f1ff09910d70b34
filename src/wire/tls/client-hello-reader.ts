// Gathers the ClientHello at the beginning of a TLS connection from bytes as they come: over several reads and several records. What is
// in it is read by client-hello.ts; nothing is decrypted or answered.
import { type ClientHello, parseClientHello } from './client-hello.ts';
import { TlsError } from './tls-error.ts';

/** Content type and message type (RFC 8446 5.1, 4). */
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
/** RFC 8446 5.1: "The length MUST NOT exceed 2^14 bytes." */
const MAX_FRAGMENT_BYTES = 16_384;
/** With several post-quantum key shares and a session ticket they have some 4 KiB. */
const MAX_MESSAGE_BYTES = 16_384;

export class ClientHelloReader {
  /** The header of the present record as far as it has come. */
  readonly #record = Buffer.alloc(RECORD_HEADER_BYTES);
  #recordFilled = 0;
  /** Bytes of the present record that are still to come. */
  #fragmentLeft = 0;
  /** The message with its header; made as long as that says when that is there. */
  #message = Buffer.alloc(MESSAGE_HEADER_BYTES);
  #filled = 0;

  /** The message without its header, once it is whole. */
  get body(): Buffer {
    return this.#message.subarray(MESSAGE_HEADER_BYTES);
  }

  /** Takes the next bytes; returns the ClientHello when it is whole. What follows it is not looked at. Throws a `TlsError`. */
  push(bytes: Uint8Array): ClientHello | undefined {
    for (let at = 0; at < bytes.length; ) {
      at += this.#fragmentLeft === 0 ? this.#readHeader(bytes, at) : this.#readFragment(bytes, at);
      if (this.#filled > MESSAGE_HEADER_BYTES && this.#filled === this.#message.length)
        return parseClientHello(this.body);
    }
    return undefined;
  }

  #readHeader(bytes: Uint8Array, at: number): number {
    const taken = Math.min(bytes.length - at, RECORD_HEADER_BYTES - this.#recordFilled);
    this.#record.set(bytes.subarray(at, at + taken), this.#recordFilled);
    this.#recordFilled += taken;
    if (this.#record[0] !== HANDSHAKE) throw new TlsError('unexpected_message', 'the record is no handshake');
    // RFC 8446 5.1: legacy_record_version "MUST be ignored for all purposes"; but that of SSL 3.0 and TLS begins with 3.
    if (this.#recordFilled > 1 && this.#record[1] !== 3)
      throw new TlsError('protocol_version', 'the record is not of TLS');
    if (this.#recordFilled < RECORD_HEADER_BYTES) return taken;
    this.#recordFilled = 0;
    const length = this.#record.readUInt16BE(3);
    if (length > MAX_FRAGMENT_BYTES) throw new TlsError('record_overflow', 'the record is longer than 2^14 bytes');
    // RFC 8446 5.1: "Implementations MUST NOT send zero-length fragments of Handshake types".
    if (length === 0) throw new TlsError('decode_error', 'the record is empty');
    this.#fragmentLeft = length;
    return taken;
  }

  #readFragment(bytes: Uint8Array, at: number): number {
    const taken = Math.min(bytes.length - at, this.#fragmentLeft, this.#message.length - this.#filled);
    this.#message.set(bytes.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    this.#fragmentLeft -= taken;
    if (this.#filled === MESSAGE_HEADER_BYTES && this.#message.length === MESSAGE_HEADER_BYTES) this.#begin();
    return taken;
  }

  #begin(): void {
    const header = this.#message;
    if (header[0] !== CLIENT_HELLO) throw new TlsError('unexpected_message', 'the first message is no ClientHello');
    const length = header.readUIntBE(1, 3);
    if (length === 0) throw new TlsError('decode_error', 'the ClientHello is empty');
    if (length > MAX_MESSAGE_BYTES)
      throw new TlsError('decode_error', `the ClientHello is longer than ${MAX_MESSAGE_BYTES} bytes`);
    this.#message = Buffer.alloc(MESSAGE_HEADER_BYTES + length);
    this.#message.set(header);
  }
}
