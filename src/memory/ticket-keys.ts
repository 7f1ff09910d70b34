// The keys that TLS session tickets are sealed with, shared by all workers: the present one and two former ones. The main thread draws
// them and writes the next over the oldest, so that nobody can open a ticket, or traffic recorded with it, for longer than that.

/** A name, a key for HMAC and one for AES of 16 bytes each: what OpenSSL seals a ticket with. */
export const TICKET_KEY_BYTES = 48;

/** How many are kept. */
const KEYS = 3;
const KEY_WORDS = TICKET_KEY_BYTES / 4;
const NAME_WORDS = 4;

/** Words ahead of the keys: a version that is odd during a change; how many keys there are. */
const VERSION = 0;
const COUNT = 1;
const HEADER_WORDS = 2;

export class TicketKeys {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  static create(first: Uint8Array): TicketKeys {
    const keys = new TicketKeys(new SharedArrayBuffer((HEADER_WORDS + KEYS * KEY_WORDS) * 4));
    keys.rotate(first);
    return keys;
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Changes with every rotation. */
  get version(): number {
    return Atomics.load(this.#words, VERSION);
  }

  /** Puts `key` of 48 random bytes in use, and destroys the oldest. Main thread only. */
  rotate(key: Uint8Array): void {
    const words = this.#words;
    const next = new Int32Array(new Uint8Array(key).buffer);
    Atomics.add(words, VERSION, 1);
    for (let i = KEYS - 1; i > 0; i--)
      for (let j = 0; j < KEY_WORDS; j++) Atomics.store(words, placeOf(i) + j, Atomics.load(words, placeOf(i - 1) + j));
    for (let j = 0; j < KEY_WORDS; j++) Atomics.store(words, placeOf(0) + j, next[j] as number);
    Atomics.store(words, COUNT, Math.min(KEYS, Atomics.load(words, COUNT) + 1));
    Atomics.add(words, VERSION, 1);
  }

  /** Copies the present key into `into`. */
  present(into: Int32Array): void {
    this.#read(() => {
      this.#copy(0, into);
      return 0;
    });
  }

  /** Copies the key of that name into `into`. Returns its age, 0 for the present one; -1 when there is none, and `into` is anything. */
  find(name: Int32Array, into: Int32Array): number {
    return this.#read(() => {
      const count = Atomics.load(this.#words, COUNT);
      for (let age = 0; age < count; age++) {
        this.#copy(age, into);
        if (hasName(into, name)) return age;
      }
      return -1;
    });
  }

  /** Reads again as long as a change comes between. */
  #read(read: () => number): number {
    for (;;) {
      const before = this.version;
      const result = read();
      if (before % 2 === 0 && this.version === before) return result;
    }
  }

  #copy(age: number, into: Int32Array): void {
    for (let j = 0; j < KEY_WORDS; j++) into[j] = Atomics.load(this.#words, placeOf(age) + j);
  }
}

function placeOf(age: number): number {
  return HEADER_WORDS + age * KEY_WORDS;
}

function hasName(key: Int32Array, name: Int32Array): boolean {
  for (let i = 0; i < NAME_WORDS; i++) if (key[i] !== name[i]) return false;
  return true;
}
