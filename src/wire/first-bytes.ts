// Tells protocols apart by the first bytes that a client sends, and reads of TLS what a connection can be routed by. Bytes in, facts
// out; nothing is consumed.
import { SIGNATURE } from './proxy-protocol/read-header.ts';
import { ClientHelloReader } from './tls/client-hello-reader.ts';

/** `other` is everything else, and a client that says nothing. */
export type StreamProtocol = 'tls' | 'http' | 'ssh' | 'proxy' | 'other';

export interface FirstBytes {
  readonly protocol: StreamProtocol;
  /** Of TLS: the name that the client asks for, in lower case, and the application protocols it offers; else '' and none. */
  readonly sni: string;
  readonly alpn: readonly string[];
}

/** The first byte of a TLS handshake (RFC 8446 5.1), and that of its version. */
const TLS_HANDSHAKE = '\x16\x03';

/**
 * What a connection of each protocol begins with. A method is followed by a target, as other protocols have commands of the same
 * names: RTSP and SIP know OPTIONS too.
 */
const BEGINNINGS: readonly (readonly [StreamProtocol, readonly string[]])[] = [
  ['tls', [TLS_HANDSHAKE]],
  // RFC 4253 4.2.
  ['ssh', ['SSH-']],
  ['proxy', ['PROXY ', SIGNATURE.toString('latin1')]],
  // RFC 9113 3.4, and the methods of RFC 9110 9.3 and RFC 5789.
  ['http', ['PRI * HTTP/2.0', 'CONNECT ', 'OPTIONS *', ...httpBeginnings()]],
];

function httpBeginnings(): readonly string[] {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'];
  return methods.flatMap((method) => [`${method} /`, `${method} http`]);
}

const LONGEST = Math.max(...BEGINNINGS.flatMap(([, texts]) => texts.map((text) => text.length)));

/** What is known of a client that says nothing, or not enough. */
export const OTHER: FirstBytes = { protocol: 'other', sni: '', alpn: [] };

export class FirstBytesReader {
  /** The first of all bytes, as Latin-1, until the protocol is known. */
  #start = '';
  #hello: ClientHelloReader | undefined = undefined;

  /** Whether a ClientHello has begun, which is not whole. */
  get inTls(): boolean {
    return this.#hello !== undefined;
  }

  /** Takes the next bytes; returns what is known as soon as that is all. Throws a `TlsError` on TLS that is none. */
  push(bytes: Buffer): FirstBytes | undefined {
    if (this.#hello) return this.#readHello(bytes);
    const before = this.#start;
    this.#start += bytes.toString('latin1', 0, LONGEST - before.length);
    const protocol = protocolOf(this.#start);
    if (protocol === 'tls') {
      this.#hello = new ClientHelloReader();
      this.#hello.push(Buffer.from(before, 'latin1'));
      return this.#readHello(bytes);
    }
    return protocol && { ...OTHER, protocol };
  }

  #readHello(bytes: Buffer): FirstBytes | undefined {
    const hello = this.#hello?.push(bytes);
    return hello && { protocol: 'tls', sni: hello.serverName, alpn: hello.protocols };
  }
}

/** `undefined` while the bytes are the start of more than what they are. */
function protocolOf(start: string): StreamProtocol | undefined {
  let isOpen = false;
  for (const [protocol, texts] of BEGINNINGS) {
    for (const text of texts) {
      if (start.startsWith(text)) return protocol;
      if (text.startsWith(start)) isOpen = true;
    }
  }
  return isOpen ? undefined : 'other';
}
