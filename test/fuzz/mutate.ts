// Makes bytes that are nearly right: seeds of HTTP/1.1, changed where parsers are known to differ. Repeatable by its seed.
import { type Random, seededRandom } from '#lib/random.ts';

/** Bytes that mean something to some parser. */
const SPICES = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  '\t',
  ' ',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '=',
  '"',
  '0',
  '1',
  '9',
  'f',
  '-',
  '+',
  '/',
  '*',
  '#',
  '?',
  '%',
  '%2f',
  '%00',
  '\\',
  '..',
  '_',
  'chunked',
  'Chunked',
  'identity',
  'gzip, chunked',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  ' HTTP/1.1',
  'HTTP/1.0',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'ffffffffffffffff',
  '\r\n ',
  '\r\n\t',
  'Expect: 100-continue\r\n',
  'Upgrade: x\r\n',
];

export const REQUESTS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://a.example:80/x?y=z HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: fuzz\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n',
  'PUT /u HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n',
  'GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n',
  'DELETE /d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok',
];

export const RESPONSES: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 500 X\r\nConnection: close\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\nbad',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end',
];

export class Mutator {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number {
    return Math.floor(this.random() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)] as T;
  }

  /** One to three seeds behind each other, changed up to five times; a part of them is left as it is. */
  message(seeds: readonly string[]): string {
    let text = Array.from({ length: 1 + this.integer(3) }, () => this.pick(seeds)).join('');
    for (let changes = this.integer(6); changes > 0; changes--) text = this.#change(text, seeds);
    return text;
  }

  /** `text` in pieces of random length. */
  split(text: string): readonly string[] {
    const pieces: string[] = [];
    const most = this.pick([1, 3, 20, 200, 100_000]);
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + this.integer(most);
      pieces.push(text.slice(at, end));
      at = end;
    }
    return pieces;
  }

  #change(text: string, seeds: readonly string[]): string {
    const from = this.integer(text.length + 1);
    const to = Math.min(text.length, from + this.integer(this.pick([2, 5, 30])));
    switch (this.integer(7)) {
      case 0:
        return text.slice(0, from) + this.pick(SPICES) + text.slice(from);
      case 1:
        return text.slice(0, from) + this.pick(SPICES) + text.slice(to);
      case 2:
        return text.slice(0, from) + text.slice(to);
      case 3:
        return text.slice(0, to) + text.slice(from);
      case 4:
        return text.slice(0, from) + String.fromCharCode(this.integer(256)) + text.slice(from + 1);
      case 5:
        return text.slice(0, from) + this.pick(seeds).slice(this.integer(20));
      default:
        return text.slice(0, from) + swapCase(text.slice(from, to)) + text.slice(to);
    }
  }
}

function swapCase(text: string): string {
  return [...text].map((c) => (c === c.toLowerCase() ? c.toUpperCase().slice(0, 1) : c.toLowerCase())).join('');
}

/** The seed of this run: by time unless TIDEGATE_FUZZ_SEED names one; printed so that a failure can be repeated. */
export function fuzzSeed(): number {
  return Number(process.env.TIDEGATE_FUZZ_SEED ?? Date.now() % 1_000_000_007);
}

/** How many rounds to run: `usual`, or TIDEGATE_FUZZ_ROUNDS. */
export function fuzzRounds(usual: number): number {
  return Number(process.env.TIDEGATE_FUZZ_ROUNDS ?? usual);
}
