// One decoded header field (RFC 7541 1.3). Not for fields of messages: `Fields` of src/http holds those, as text.

/** Octets that an entry counts beyond its name and its value (RFC 7541 4.1). */
export const ENTRY_OVERHEAD = 32;

/** Tells what a field is to the caller, as a number of the caller's choice. */
export type Classify = (name: string, value: string) => number;

/** One decoded field. Entries of the tables are shared between header blocks, so what is known of them is worked out once. */
export class HeaderField {
  /** Latin-1, as received: no case is changed, nothing is checked. */
  readonly name: string;
  /** Latin-1, as received. */
  readonly value: string;
  /** Octets of name and value, and 32 (RFC 7541 4.1). */
  readonly size: number;
  /**
   * Whether the sender forbids to index it, here and wherever it is forwarded to (RFC 7541 6.2.3). It is a flag of this
   * occurrence: such a field is never in a table.
   */
  readonly neverIndexed: boolean;
  /** What `Classify` said of it; 0 without one. */
  readonly kind: number;
  #line: string | undefined = undefined;

  constructor(name: string, value: string, kind: number, neverIndexed: boolean) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + ENTRY_OVERHEAD;
    this.neverIndexed = neverIndexed;
    this.kind = kind;
  }

  /** The field as a line of `Fields`: `name: value CRLF`; made once, on demand. */
  get line(): string {
    this.#line ??= `${this.name}: ${this.value}\r\n`;
    return this.#line;
  }
}
