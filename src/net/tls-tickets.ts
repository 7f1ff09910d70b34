// Has TLS servers seal session tickets with keys that change while they run. Node documents one key only, which `setTicketKeys` replaces
// so that no former ticket can be opened; OpenSSL asks for a key each time, and Node passes that on by names that its tests use.
import { randomFillSync } from 'node:crypto';
import type tls from 'node:tls';
import { TICKET_KEY_BYTES } from '#memory/ticket-keys.ts';
import { nativeContext } from './native-context.ts';

/** Keys as `memory/ticket-keys.ts` holds them. */
export interface TicketKeySource {
  readonly version: number;
  present(into: Int32Array): void;
  find(name: Int32Array, into: Int32Array): number;
}

/** What the callback answers. */
const NO_KEY = 0;
const SEAL = 1;
/** The ticket is good, and the client gets a new one: tickets of TLS 1.3 are for one use each (RFC 8446 C.4). */
const OPEN_AND_RENEW = 2;

/** The key that was looked up last, in its parts. */
const words = new Int32Array(TICKET_KEY_BYTES / 4);
const bytes = Buffer.from(words.buffer);
const name = bytes.subarray(0, 16);
const hmac = bytes.subarray(16, 32);
const aes = bytes.subarray(32, 48);
const wanted = new Int32Array(4);
const vector = Buffer.alloc(16);

/** Has the server use the keys of `source`. Returns what is to be called ahead of each handshake, `undefined` for nothing. */
export function useTicketKeys(server: tls.Server, source: TicketKeySource): (() => void) | undefined {
  const context = nativeContext(server);
  if (!context.enableTicketKeyCallback) return keepPresentKey(server, source);
  context.enableTicketKeyCallback();
  context.onticketkeycallback = (asked, iv, sealing) => {
    if (sealing) {
      source.present(words);
      return [SEAL, hmac, aes, name, randomFillSync(vector)];
    }
    new Uint8Array(wanted.buffer).set(asked);
    return [source.find(wanted, words) < 0 ? NO_KEY : OPEN_AND_RENEW, hmac, aes, name, iv];
  };
  return undefined;
}

function keepPresentKey(server: tls.Server, source: TicketKeySource): () => void {
  let version = -1;
  return () => {
    if (source.version === version) return;
    version = source.version;
    source.present(words);
    server.setTicketKeys(Buffer.from(bytes));
  };
}
