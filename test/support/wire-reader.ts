// Reads HTTP/1.1 messages from bytes for tests: written apart from the program's own parser, so that neither hides the
// other's mistakes. Waits for what is missing.
export interface ReadMessage {
  /** The first line, without its end. */
  readonly start: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Content without its framing, one character a byte. */
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** The head as received, with the empty line. */
  readonly head: string;
  /** Sizes of the chunks, or `undefined` without chunked framing. */
  readonly chunks: readonly number[] | undefined;
  /** All values of a field, joined with `, `; `undefined` when it is absent. */
  field(name: string): string | undefined;
}

export type Framing = 'none' | 'close' | 'fields';

type Lines = readonly (readonly [name: string, value: string])[];

/** Bytes received and who waits for them. */
export class WireReader {
  #received = '';
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  push(bytes: Buffer): void {
    this.#received += bytes.toString('latin1');
    this.#wake?.();
  }

  end(error?: Error): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }

  /** Puts back what was read. */
  unshift(bytes: string): void {
    this.#received = bytes + this.#received;
  }

  /** What has been received and not been read yet. */
  get unread(): string {
    return this.#received;
  }

  /** Whether the peer has ended its side, or the connection broke. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The reset that ended the connection, if one did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Everything until the peer ends. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#take(this.#received.length);
  }

  /** Exactly `length` bytes. */
  async bytes(length: number): Promise<string> {
    while (this.#received.length < length) await this.#moreOrFail(`${length} bytes`);
    return this.#take(length);
  }

  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      await this.#moreOrFail(JSON.stringify(mark));
    }
  }

  /** The next head, as text with the empty line. */
  head(): Promise<string> {
    return this.until('\r\n\r\n');
  }

  /** The next message; `framing` says how the content is delimited when the fields alone do not. */
  async message(framing: Framing = 'fields', onHead: (head: string) => void = () => {}): Promise<ReadMessage> {
    const head = await this.head();
    onHead(head);
    const [start = '', ...lines] = head.slice(0, -4).split('\r\n');
    const fields = lines.map(splitLine);
    const { body, trailers, chunks } = await this.#content(fields, framing);
    return { start, fields, body, trailers, head, chunks, field: (name) => join(fields, name) };
  }

  async #content(fields: Lines, framing: Framing): Promise<Pick<ReadMessage, 'body' | 'trailers' | 'chunks'>> {
    const none = { trailers: [], chunks: undefined };
    if (framing === 'none') return { body: '', ...none };
    if (join(fields, 'transfer-encoding')?.toLowerCase().endsWith('chunked')) return await this.#chunked();
    const length = join(fields, 'content-length');
    if (length !== undefined) return { body: await this.bytes(Number(length)), ...none };
    return { body: framing === 'close' ? await this.rest() : '', ...none };
  }

  async #chunked(): Promise<Pick<ReadMessage, 'body' | 'trailers' | 'chunks'>> {
    let body = '';
    const chunks: number[] = [];
    for (;;) {
      const size = Number.parseInt(await this.until('\r\n'), 16);
      if (size === 0) break;
      chunks.push(size);
      body += await this.bytes(size);
      await this.until('\r\n');
    }
    const trailers: (readonly [string, string])[] = [];
    for (;;) {
      const line = (await this.until('\r\n')).slice(0, -2);
      if (line === '') return { body, trailers, chunks };
      trailers.push(splitLine(line));
    }
  }

  #take(length: number): string {
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #moreOrFail(wanted: string): Promise<void> {
    if (this.#ended) {
      const why = this.#error ? `: ${this.#error.message}` : '';
      throw new Error(`the peer ended before ${wanted}${why}; unread: ${JSON.stringify(this.#received.slice(0, 300))}`);
    }
    await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function splitLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}

function join(fields: Lines, name: string): string | undefined {
  const values = fields.filter(([known]) => known.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}
