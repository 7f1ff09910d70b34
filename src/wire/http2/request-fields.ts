// The field section of an HTTP/2 request: its pseudo-fields and what must hold for them (RFC 9113 8.3.1, RFC 8441 4).
import { TOKEN } from '#wire/http1/field-section.ts';
import { FieldCollector } from './field-collector.ts';
import { KIND } from './field-kinds.ts';

export class RequestFields extends FieldCollector {
  /** A token; '' where it is missing or none. */
  method = '';
  scheme = '';
  authority: string | undefined = undefined;
  path: string | undefined = undefined;
  /** What extended CONNECT asks for, such as `websocket`; `undefined` for every other request. */
  protocol: string | undefined = undefined;
  /** A bit for each kind of pseudo-field that has come. */
  #seen = 0;

  /** Checks the section as a whole; `endStream` tells that there is no content. Afterwards `malformed` is final. */
  finish(endStream: boolean): void {
    this.endFields();
    this.#checkPseudo();
    this.#checkAuthority();
    // RFC 9113 8.1.1: the sum of all DATA is not what content-length says.
    if (endStream && this.contentLength > 0) this.breach('content-length without content');
  }

  protected override takePseudo(kind: number, value: string): void {
    // RFC 9113 8.3: "The same pseudo-header field name MUST NOT appear more than once in a field block."
    const bit = 1 << kind;
    if (this.#seen & bit) this.breach('a pseudo-field appears twice');
    this.#seen |= bit;
    if (kind === KIND.METHOD) this.method = value;
    else if (kind === KIND.PATH) this.path = value;
    else if (kind === KIND.SCHEME) this.scheme = value;
    else if (kind === KIND.AUTHORITY) this.authority = value;
    else if (kind === KIND.PROTOCOL) this.protocol = value;
    else this.breach('a pseudo-field that requests do not have');
  }

  #checkPseudo(): void {
    const { method, path } = this;
    if (!isToken(method)) {
      this.breach(':method is missing or no token');
      // Records and answers take it for what it is called, and write it as it stands.
      this.method = '';
      return;
    }
    if (this.protocol !== undefined) {
      // RFC 8441 4: ":protocol" is for CONNECT alone, and ":scheme" and ":path" "MUST also be included".
      if (method !== 'CONNECT') this.breach(':protocol without CONNECT');
      if (!isToken(this.protocol)) this.breach(':protocol is no token');
      if (this.authority === undefined) this.breach('extended CONNECT without :authority');
    } else if (method === 'CONNECT') {
      // RFC 9113 8.5: "The ":scheme" and ":path" pseudo-header fields MUST be omitted."
      if (this.scheme !== '' || path !== undefined || !this.authority) this.breach('CONNECT has other pseudo-fields');
      return;
    }
    if (this.scheme !== 'https' && !/^https?$/i.test(this.scheme))
      this.breach(':scheme is missing, or neither http nor https');
    // RFC 9113 8.3.1: ":path" "MUST NOT be empty for "http" or "https" URIs", starts with '/', or is '*' for OPTIONS.
    if (path === undefined || !isTarget(path)) this.breach(':path is missing or not valid');
    else if (path.charCodeAt(0) !== SLASH && !(path === '*' && method === 'OPTIONS')) this.breach(':path is no path');
  }

  #checkAuthority(): void {
    const { authority, host } = this;
    // RFC 9113 8.3.1: "A server SHOULD treat a request as malformed if it contains a Host header field that identifies an entity that
    // differs from the entity in the ":authority" pseudo-header field."
    if (
      authority !== undefined &&
      host !== undefined &&
      authority !== host &&
      this.#normalized(authority) !== this.#normalized(host)
    )
      this.breach('host and :authority differ');
    if (authority === '' || (authority === undefined && !host)) this.breach('neither :authority nor host');
  }

  /** RFC 9113 8.3.1: "servers MUST perform scheme-based normalization"; RFC 3986 6.2.3: a default port is as good as none. */
  #normalized(authority: string): string {
    const isSecure = this.scheme.toLowerCase() === 'https';
    return authority.toLowerCase().replace(isSecure ? /:(?:443)?$/ : /:(?:80)?$/, '');
  }
}

const SLASH = 47;
const HASH = 35;

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text !== '';
}

/** Visible ASCII without `#`, as in an HTTP/1.1 request line, which the path may become. */
function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code >= 127 || code === HASH) return false;
  }
  return text !== '';
}
