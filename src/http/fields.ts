// A field section (headers or trailers) as one string of validated lines. Not for framing: a field that frames a message
// or belongs to one connection never gets in here; wire/ takes those out and writes them anew.
//
// Hot path: a message that nobody changes is forwarded as the very string it was received as, and a look-up is one
// search in a lower-cased copy that is made once. Arrays or maps of fields cost 1.2 times as much a request.

import { withoutFieldAndTwins } from './field-lines.ts';

/** Fields that frame a message or belong to one connection: never part of a `Fields` (RFC 9110 7.6.1, RFC 9112 6). */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 9110 5.5: field content is visible characters, spaces, tabs and obs-text; no control character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
const INVALID_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

/** Returns whether `name` is a field name by RFC 9110 5.1 (a token). */
export function isFieldName(name: string): boolean {
  return TOKEN.test(name);
}

/** Returns whether `value` may stand in a field line: Latin-1 without control characters (RFC 9110 5.5). */
export function isFieldValue(value: string): boolean {
  return !INVALID_VALUE.test(value);
}

/** Returns whether the field is written by the protocol engines only; `name` in lower case. */
export function isFramingField(name: string): boolean {
  return FRAMING.has(name);
}

/** The fields of one message in received order. Names given to its methods are in lower case. */
export class Fields {
  /** Whether lines were added or removed since it was made. */
  changed = false;
  /**
   * Names of fields that came over HTTP/2 as never to be indexed, and go on over it in no other way (RFC 7541 6.2.3); `undefined`
   * for none.
   */
  neverIndexed: ReadonlySet<string> | undefined = undefined;
  #text: string;
  #lower = '';
  /** Names that were set or removed; `undefined` while there are none. */
  #touched: Set<string> | undefined = undefined;

  /** Takes `text` as it stands: zero or more valid `name: value CRLF` lines, as the parsers give it. */
  constructor(text = '') {
    this.#text = text;
  }

  /** Builds fields from name and value pairs; throws where `append` does. */
  static from(entries: Iterable<readonly [string, string]>): Fields {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }

  /** The field lines, each ended by CRLF. */
  get text(): string {
    return this.#text;
  }

  /** The value of the field, several lines joined by ", " (RFC 9110 5.3); `undefined` when absent. */
  get(name: string): string | undefined {
    const first = this.#find(name, 0);
    if (first < 0) return undefined;
    let value = this.#valueAt(first, name);
    for (let at = this.#find(name, first + 1); at >= 0; at = this.#find(name, at + 1)) {
      value += `, ${this.#valueAt(at, name)}`;
    }
    return value;
  }

  /** The value of every line of the field, in order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 1)) values.push(this.#valueAt(at, name));
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) >= 0;
  }

  /** Replaces all lines of the field by one. Throws a TypeError on what `append` refuses. */
  set(name: string, value: string): void {
    this.delete(name);
    this.append(name, value);
  }

  /** Removes all lines of the field and of whatever an application could take for it: names with underscores for hyphens. */
  remove(name: string): void {
    this.#touch(name);
    this.edit((text) => withoutFieldAndTwins(text, name));
  }

  /** Whether the field, however it is spelt, was set or removed. */
  isTouched(name: string): boolean {
    return this.#touched?.has(name.replaceAll('_', '-')) ?? false;
  }

  /** Adds a line. Throws a TypeError for a framing field, a name that is no token, or a value with control characters. */
  append(name: string, value: string): void {
    if (isFramingField(name)) throw new TypeError(`${name} is written by the protocol engine only`);
    if (!isFieldName(name)) throw new TypeError(`not a field name: ${JSON.stringify(name)}`);
    if (!isFieldValue(value)) throw new TypeError(`not a field value for ${name}: ${JSON.stringify(value)}`);
    this.appendLines(`${name}: ${value}\r\n`);
  }

  /** Adds lines that are known to be valid, as `constructor` takes them. */
  appendLines(lines: string): void {
    this.#replace(this.#text + lines);
  }

  /** Removes all lines of the field; returns whether there was one. */
  delete(name: string): boolean {
    this.#touch(name);
    let removed = false;
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at)) {
      const end = this.#text.indexOf('\r\n', at) + 2;
      this.#replace(this.#text.slice(0, at) + this.#text.slice(end));
      removed = true;
    }
    return removed;
  }

  /** Every line as [name as received, value], in order. */
  *entries(): Generator<[string, string]> {
    const text = this.#text;
    for (let at = 0; at < text.length; ) {
      const colon = text.indexOf(':', at);
      const end = text.indexOf('\r\n', colon);
      yield [text.slice(at, colon), trimOws(text.slice(colon + 1, end))];
      at = end + 2;
    }
  }

  clone(): Fields {
    const fields = new Fields(this.#text);
    fields.neverIndexed = this.neverIndexed;
    return fields;
  }

  /** Keeps the lines that `edit` leaves of them all; it gets and gives text as the constructor takes it. */
  edit(edit: (text: string) => string): void {
    this.#replace(edit(this.#text));
  }

  #touch(name: string): void {
    this.#touched ??= new Set();
    this.#touched.add(name.replaceAll('_', '-'));
  }

  #replace(text: string): void {
    this.#text = text;
    this.#lower = '';
    this.changed = true;
  }

  /** Start of the first line of the field at or after `from`, or -1. */
  #find(name: string, from: number): number {
    if (this.#text.length === 0) return -1;
    // Latin-1 letters keep their length when lower-cased, so positions in both strings agree; the added line feed, which
    // lets the first line be found like all others, shifts them by one, and that is where the line itself starts.
    if (this.#lower === '') this.#lower = `\n${this.#text.toLowerCase()}`;
    return this.#lower.indexOf(`\n${name}:`, from);
  }

  #valueAt(at: number, name: string): string {
    return trimOws(this.#text.slice(at + name.length + 1, this.#text.indexOf('\r\n', at)));
  }
}

/** `text` without the spaces and tabs around it (OWS, RFC 9110 5.6.3); `trim()` would take obs-text such as 0xA0 too. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 32 || code === 9;
}
