// A message head in memory, as bytes and as text: bytes are fast to look at, text is what is kept of them.

/** The bytes of `text` in Latin-1 stand in `bytes` from `offset` on. Places are counted in the text. */
export interface MessageHead {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** Where the head starts: behind an ignored empty line. */
  readonly start: number;
  /** Behind the empty line that ends it. */
  readonly end: number;
}

/** The head that is all of `text`. */
export function messageHead(text: string): MessageHead {
  return { text, bytes: Buffer.from(text, 'latin1'), offset: 0, start: 0, end: text.length };
}
