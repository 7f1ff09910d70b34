// Writes lines to a file or standard output, gathered into few system calls. Not for the program's own log.
//
// Hot path: a line is copied into a buffer at once. Gathered as one long string, the lines would keep the heads they were cut
// from alive, and the collector would copy them over and over.
import fs from 'node:fs';
import type { OutputTurn } from '#memory/output-turn.ts';

const BUFFER_BYTES = 262144;
/** More than this waiting for a slow disk or pipe is dropped and counted. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Between looks whether a full pipe takes more, and whether others have written. */
const RETRY_MS = 10;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};

export class LogWriter {
  /** Why the old file is still written to after `reopen`, or ''. */
  reopenProblem = '';
  readonly #path: string | undefined;
  readonly #turn: OutputTurn;
  #fd: number;
  #filling: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  /** Whole lines on their way, the first of them being written. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** An empty buffer for when the present one is full. */
  #spare: Buffer | undefined = undefined;
  #reopen = false;
  /** Lines that were dropped because what takes them is too slow or refuses them, and that nobody was told of. */
  #dropped = 0;
  #hasGivenUp = false;
  #closing: Promise<void> | undefined = undefined;
  #closed: (() => void) | undefined = undefined;

  /** Opens `path` for appending, or standard output when it is `undefined`. Throws when it cannot. Who shares it shares the turn. */
  constructor(path: string | undefined, turn: OutputTurn) {
    this.#path = path;
    this.#turn = turn;
    this.#fd = path === undefined ? 1 : openLog(path);
  }

  /** Takes one whole line of Latin-1 characters. */
  write(line: string): void {
    if (this.#filled + line.length > BUFFER_BYTES) this.flush();
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#dropped++;
    else if (line.length > BUFFER_BYTES) this.#send(Buffer.from(line, 'latin1'));
    else this.#filled += this.#filling.write(line, this.#filled, 'latin1');
  }

  /** Starts to write what was gathered. To be called about once a second. */
  flush(): void {
    if (this.#filled === 0) return;
    const full = this.#filling.subarray(0, this.#filled);
    this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#spare = undefined;
    this.#filled = 0;
    this.#send(full);
  }

  /** The file has been moved away: goes on in a new one of the same name. */
  reopen(): void {
    if (this.#path === undefined) return;
    this.flush();
    if (this.#waiting.length > 0) {
      this.#reopen = true;
      return;
    }
    const before = this.#fd;
    try {
      this.#fd = openLog(this.#path);
      fs.closeSync(before);
      this.reopenProblem = '';
    } catch (error) {
      // The old file is better than none.
      this.reopenProblem = (error as Error).message;
    }
  }

  /** How many lines were dropped since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Writes all that is left and closes the file. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#closed = () => {
        if (this.#path !== undefined) fs.closeSync(this.#fd);
        resolve();
      };
      this.flush();
      if (this.#waiting.length === 0) this.#closed();
    });
    return this.#closing;
  }

  /** From now on drops what is not taken at once, rather than to wait for it. */
  giveUp(): void {
    this.#hasGivenUp = true;
  }

  #send(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length === 1) this.#begin();
  }

  /** Writes the first of what waits, when it is this thread's turn: whole lines, so that threads do not mix theirs. */
  #begin(): void {
    if (this.#turn.take()) this.#writeFrom(0);
    else if (this.#hasGivenUp) this.#abandon();
    else setTimeout(() => this.#begin(), RETRY_MS);
  }

  /** Somebody else is still writing, and is not waited for any longer. */
  #abandon(): void {
    for (const lines of this.#waiting) this.#drop(lines);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#closed?.();
  }

  #writeFrom(offset: number): void {
    const bytes = this.#waiting[0] as Buffer;
    fs.write(this.#fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error?.code === 'EAGAIN' && !this.#hasGivenUp) {
        setTimeout(() => this.#writeFrom(offset), RETRY_MS);
        return;
      }
      if (error) this.#drop(bytes.subarray(offset));
      if (!error && offset + written < bytes.length) this.#writeFrom(offset + written);
      else this.#written(bytes);
    });
  }

  #drop(lines: Buffer): void {
    for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) this.#dropped++;
  }

  #written(bytes: Buffer): void {
    this.#turn.giveBack();
    this.#waiting.shift();
    this.#waitingBytes -= bytes.length;
    if (bytes.buffer.byteLength === BUFFER_BYTES) this.#spare ??= Buffer.from(bytes.buffer);
    if (this.#waiting.length > 0) {
      this.#begin();
      return;
    }
    if (this.#reopen) {
      this.#reopen = false;
      this.reopen();
    }
    this.#closed?.();
  }
}

/** Throws a sentence for people. */
function openLog(path: string): number {
  try {
    return fs.openSync(path, 'a', 0o640);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = REASONS[code ?? ''] ?? message;
    throw new Error(`access records cannot be written to ${path} (logs.access.to): ${reason}`, { cause: error });
  }
}
