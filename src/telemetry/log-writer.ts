// Writes lines to a file or standard output, gathered into few system calls. Not for the program's own log.
import fs from 'node:fs';

/** From here on the lines gathered are written at once; before, once a second. */
const FLUSH_CHARACTERS = 65536;
/** More than this waiting for a slow disk or pipe is dropped and counted. */
const MAX_WAITING_CHARACTERS = 16 * 1024 * 1024;

export class LogWriter {
  /** Lines that were dropped because what takes them is too slow. */
  dropped = 0;
  readonly #path: string | undefined;
  #fd: number;
  #lines = '';
  #writing: Buffer | undefined = undefined;
  #offset = 0;
  #reopen = false;
  #closed: (() => void) | undefined = undefined;

  /** Opens `path` for appending, or standard output when it is `undefined`. Throws the system's error. */
  constructor(path: string | undefined) {
    this.#path = path;
    this.#fd = path === undefined ? 1 : fs.openSync(path, 'a', 0o640);
  }

  /** Takes one or more whole lines. */
  write(lines: string): void {
    if (this.#lines.length > MAX_WAITING_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.#lines += lines;
    if (this.#lines.length >= FLUSH_CHARACTERS) this.flush();
  }

  /** Starts to write what was gathered. To be called about once a second. */
  flush(): void {
    if (this.#writing || this.#lines === '') return;
    // Whole lines in one call: with O_APPEND they are not mixed with those of other threads.
    this.#writing = Buffer.from(this.#lines, 'latin1');
    this.#lines = '';
    this.#offset = 0;
    this.#writeRest();
  }

  /** The file has been moved away: goes on in a new one of the same name. */
  reopen(): void {
    if (this.#path === undefined) return;
    if (this.#writing) {
      this.#reopen = true;
      return;
    }
    const before = this.#fd;
    try {
      this.#fd = fs.openSync(this.#path, 'a', 0o640);
      fs.closeSync(before);
    } catch {
      // The old file is better than none.
    }
  }

  /** Writes all that is left and closes the file. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = () => {
        if (this.#path !== undefined) fs.closeSync(this.#fd);
        resolve();
      };
      if (this.#writing) return;
      if (this.#lines === '') this.#closed();
      else this.flush();
    });
  }

  #writeRest(): void {
    const bytes = this.#writing as Buffer;
    fs.write(this.#fd, bytes, this.#offset, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeRest(), 10);
        return;
      }
      if (error) this.dropped++;
      this.#offset = error ? bytes.length : this.#offset + written;
      if (this.#offset < bytes.length) this.#writeRest();
      else this.#written();
    });
  }

  #written(): void {
    this.#writing = undefined;
    if (this.#reopen) {
      this.#reopen = false;
      this.reopen();
    }
    if (this.#closed && this.#lines === '') this.#closed();
    else if (this.#closed || this.#lines.length >= FLUSH_CHARACTERS) this.flush();
  }
}
