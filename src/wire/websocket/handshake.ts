// The facts of the opening handshake (RFC 6455 4): keys, their answers, what clients may ask for. Not the requests that carry them.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** The version of the protocol that is spoken here, as it stands in Sec-WebSocket-Version. */
export const WEBSOCKET_VERSION = '13';

/** The extension that frames are understood with: messages that are compressed (RFC 7692). */
export const COMPRESSION = 'permessage-deflate';

/** Whether Upgrade, of a request or a response, names the protocol (RFC 6455 4.2.1: compared without regard to case). */
export function namesWebSocket(upgrade: string): boolean {
  return upgrade !== '' && listMembers(upgrade).some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** RFC 6455 4.2.1: Sec-WebSocket-Key is "a base64-encoded value that, when decoded, is 16 bytes in length". */
export function isKey(text: string | undefined): boolean {
  return text !== undefined && KEY.test(text);
}

/** A key as a client makes it (RFC 6455 4.1); `randomBytes` gives so many bytes that nobody can guess. */
export function newKey(randomBytes: (size: number) => Uint8Array): string {
  return Buffer.from(randomBytes(16)).toString('base64');
}

/** Sec-WebSocket-Accept for a key (RFC 6455 4.2.2). */
export function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** Members of a list of tokens, such as Sec-WebSocket-Protocol. */
export function listMembers(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** One offered or accepted extension (RFC 6455 9.1): its name and its text with all parameters. */
export interface ExtensionOffer {
  readonly name: string;
  readonly text: string;
}

/**
 * The extensions of Sec-WebSocket-Extensions; their parameters may hold quoted commas. `undefined` when a quotation does not end.
 */
export function parseExtensions(value: string | undefined): readonly ExtensionOffer[] | undefined {
  if (value === undefined) return [];
  const offers: ExtensionOffer[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at <= value.length; at++) {
    const character = value[at] ?? ',';
    if (isQuoted && at === value.length) return undefined;
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === '\\') at++;
    else if (!isQuoted && character === ',') {
      const text = value.slice(from, at).trim();
      if (text !== '') offers.push({ name: (text.split(';', 1)[0] as string).trim().toLowerCase(), text });
      from = at + 1;
    }
  }
  return isQuoted ? undefined : offers;
}
