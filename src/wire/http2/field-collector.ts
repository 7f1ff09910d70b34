// Collects the fields of one HTTP/2 field section as they are decoded, by the rules that hold for all sections (RFC 9113 8.2), and
// keeps what is no pseudo-field as lines of text, as `http/fields.ts` takes them. The first breach is kept; the rest is still decoded,
// since the table behind it is the connection's.
import { FIRST_PSEUDO, KIND, LAST_PSEUDO } from './field-kinds.ts';
import type { HeaderField } from './hpack/field.ts';

export abstract class FieldCollector {
  /** The first breach of a rule: the message is malformed (RFC 9113 8.1.1); '' when there is none. */
  malformed = '';
  /** The field lines. */
  text = '';
  /** Content-Length; -1 when absent. */
  contentLength = -1;
  /** TE says `trailers`. */
  acceptsTrailers = false;
  host: string | undefined = undefined;
  /** Expect in lower case; '' when absent. */
  expect = '';
  referer = '';
  userAgent = '';
  contentType = '';
  /** The Priority field; `undefined` when absent. */
  priority: string | undefined = undefined;
  hasDate = false;
  /** Whether there is a field that a gateway must look at before it passes it on, as `FieldSection.notable` of HTTP/1.1 says. */
  notable = false;
  /** Names of fields that are never to be indexed (RFC 7541 6.2.3); `undefined` for none. */
  neverIndexed: Set<string> | undefined = undefined;
  /** Fields so far, pseudo-fields left out. */
  count = 0;
  #cookies = '';

  /** Takes the next field. Bound to the collector, so that a decoder may be given it. */
  readonly take = (field: HeaderField): void => {
    const { kind } = field;
    if (field.neverIndexed) {
      this.neverIndexed ??= new Set();
      this.neverIndexed.add(field.name);
    }
    if (kind >= FIRST_PSEUDO && kind <= LAST_PSEUDO) {
      // RFC 9113 8.3: pseudo-fields behind a regular field make a message malformed.
      if (this.count > 0) this.breach('a pseudo-field behind other fields');
      else this.takePseudo(kind, field.value);
      return;
    }
    this.count++;
    if (kind === KIND.ORDINARY) this.text += field.line;
    else this.#takeKnown(kind, field);
  };

  /** To be called behind the last field. */
  protected endFields(): void {
    // RFC 9113 8.2.3: cookie fields "MUST be concatenated into a single octet string using the two-octet delimiter of 0x3b, 0x20".
    if (this.#cookies !== '') this.text += `cookie: ${this.#cookies}\r\n`;
  }

  protected breach(reason: string): void {
    if (this.malformed === '') this.malformed = reason;
  }

  protected abstract takePseudo(kind: number, value: string): void;

  #takeKnown(kind: number, field: HeaderField): void {
    const { value } = field;
    switch (kind) {
      case KIND.INVALID:
        this.breach('a field name or value that is not allowed');
        return;
      case KIND.CONNECTION_SPECIFIC:
        this.breach(`${field.name} belongs to HTTP/1.1`);
        return;
      case KIND.HOST:
        if (this.host !== undefined) this.breach('more than one host');
        this.host = value;
        return;
      case KIND.CONTENT_LENGTH:
        this.#takeLength(value);
        return;
      case KIND.COOKIE:
        // Nothing would be left of an empty one but white space at an end.
        if (value !== '') this.#cookies += this.#cookies === '' ? value : `; ${value}`;
        return;
      case KIND.TE:
        // RFC 9113 8.2.2: TE "MUST NOT contain any value other than "trailers"".
        if (value.toLowerCase() !== 'trailers') this.breach('te is not trailers');
        this.acceptsTrailers = true;
        return;
      default:
        this.#note(kind, value);
        this.text += field.line;
    }
  }

  #note(kind: number, value: string): void {
    if (kind === KIND.EXPECT)
      this.expect = this.expect === '' ? value.toLowerCase() : `${this.expect}, ${value.toLowerCase()}`;
    else if (kind === KIND.REFERER) this.referer = value;
    else if (kind === KIND.USER_AGENT) this.userAgent = value;
    else if (kind === KIND.CONTENT_TYPE) this.contentType = value;
    else if (kind === KIND.DATE) this.hasDate = true;
    else if (kind === KIND.PRIORITY) this.priority = this.priority === undefined ? value : `${this.priority}, ${value}`;
    else this.notable = true;
  }

  /** RFC 9110 8.6: 1*DIGIT, once. */
  #takeLength(value: string): void {
    const isRepeated = this.contentLength >= 0;
    if (isRepeated || !/^[0-9]{1,15}$/.test(value)) this.breach('content-length is not one number');
    else this.contentLength = Number(value);
  }
}
