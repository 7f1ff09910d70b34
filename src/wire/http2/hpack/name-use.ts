// What an encoder knows of a field name: its index, and whether its values are worth a place in the dynamic table.
import { STATIC_TABLE } from './static-table.ts';

/** Credentials. They are marked for those behind us, too, so that no encoder on the way makes them guessable (RFC 7541 7.1). */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
]);
/** RFC 7541 7.1.3: "values that are short … are more readily guessed"; a cookie below this length is as good as a password. */
const GUESSABLE_COOKIE_LENGTH = 20;

/** Names of which most values come once: these have to come twice in a row before they are indexed. */
const VOLATILE: ReadonlySet<string> = new Set([
  ':path',
  'age',
  'content-length',
  'content-location',
  'content-range',
  'cookie',
  'etag',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-modified',
  'location',
  'range',
  'referer',
  'traceparent',
  'x-request-id',
]);

/** How many values in a row may be indexed without one of them being used again. */
const MAX_UNUSED = 4;

const STATIC_INDEX: ReadonlyMap<string, number> = new Map(
  // The last one of a name wins, and it is the first one that is wanted: its index is never longer.
  STATIC_TABLE.map(([name], i) => [name, i + 1] as const).reverse(),
);
const STATIC_VALUES: ReadonlyMap<string, ReadonlyMap<string, number>> = staticValues();

function staticValues(): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const values = new Map<string, Map<string, number>>();
  for (const [i, [name, value]] of STATIC_TABLE.entries()) {
    if (value === '') continue;
    const ofName = values.get(name) ?? new Map<string, number>();
    values.set(name, ofName.set(value, i + 1));
  }
  return values;
}

/** An entry of the dynamic table. */
export interface IndexedLine {
  readonly size: number;
  readonly use: NameUse;
  readonly value: string;
  /** The whole line, CRLF included, as it came in a field section; '' until it came in one. */
  text: string;
  /** How many entries had been added with this one. */
  readonly number: number;
}

/** One name on one connection. */
export class NameUse {
  /** In lower case. */
  readonly name: string;
  /** Index in the static table; 0 when it is not there. */
  readonly staticIndex: number;
  /** Index of the values that the static table has with this name. */
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  /** What stands before the value where the name came last in a field section: the name as spelt there, and a colon. */
  prefix = '';
  /** The name that came behind this one in the last field section: most sections are like the one before. */
  next: NameUse | undefined = undefined;
  /** The entry that was used last. */
  recent: IndexedLine | undefined = undefined;
  /** Whether it is known to the connection, or only used for one field. */
  readonly isKept: boolean;
  /** All entries of this name, the oldest one first. */
  readonly #lines: IndexedLine[] = [];
  readonly #secret: boolean;
  readonly #cookie: boolean;
  /** How many values were indexed since one was used again. */
  #unused: number;
  /** Hash of the last value that was not indexed. */
  #last = 0;

  constructor(name: string, isKept: boolean) {
    this.name = name;
    this.isKept = isKept;
    this.staticIndex = STATIC_INDEX.get(name) ?? 0;
    this.staticValues = STATIC_VALUES.get(name);
    this.#secret = SECRET.has(name);
    this.#cookie = name === 'cookie';
    this.#unused = VOLATILE.has(name) ? MAX_UNUSED : 0;
  }

  /** Whether `value` must not get into any table (RFC 7541 6.2.3). */
  isSecret(value: string): boolean {
    return this.#secret || (this.#cookie && value.length < GUESSABLE_COOKIE_LENGTH);
  }

  /** The entry with this value, if there is one; it is `recent` from now on. */
  find(value: string): IndexedLine | undefined {
    if (this.recent !== undefined && this.recent.value === value) return this.recent;
    if (this.#lines.length === 0) return undefined;
    const found = this.#lines.find((line) => line.value === value);
    if (found !== undefined) this.recent = found;
    return found;
  }

  /** The entry that will be the last of this name to leave the table. */
  get newest(): IndexedLine | undefined {
    return this.#lines.at(-1);
  }

  /** Takes an entry that was added to the table. */
  add(line: IndexedLine): void {
    this.#lines.push(line);
    this.recent = line;
  }

  /** Forgets the oldest entry, as it left the table. */
  dropOldest(): void {
    const dropped = this.#lines.shift();
    if (this.recent === dropped) this.recent = undefined;
  }

  /** Notes that an entry was used. */
  used(): void {
    this.#unused = 0;
  }

  /**
   * Notes a value that is not in the table, and tells whether to add it. A name whose values are never used again is soon no
   * longer indexed, so that it does not drive the others out, until one of its values comes twice in a row.
   */
  isWorthIndexing(value: string): boolean {
    if (!this.isKept) return false;
    if (this.#unused >= MAX_UNUSED) {
      const hash = hashOf(value);
      if (hash !== this.#last) {
        this.#last = hash;
        return false;
      }
      this.#unused = MAX_UNUSED - 1;
    }
    this.#unused++;
    return true;
  }
}

/** A mere hint, so that no value has to be kept: two values with one hash cost a place in the table. */
function hashOf(value: string): number {
  let hash = value.length;
  for (let i = 0; i < value.length; i++) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
  return hash;
}
