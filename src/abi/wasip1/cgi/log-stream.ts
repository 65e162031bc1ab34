/** Standard error as lines of the log. */
import type { GuestLog } from '../../../capability/capability.ts';
import type { OutputStream } from '../streams.ts';

/** A longer line is cut into several: nothing is kept back without bound. */
const LINE_BYTES_MAX = 8_192;

export class LogStream implements OutputStream {
  readonly #log: GuestLog;
  /** One character a byte, so that a character of several bytes is not torn between writes. */
  #partial = '';

  constructor(log: GuestLog) {
    this.#log = log;
  }

  write(bytes: Uint8Array): undefined {
    const lines = (this.#partial + Buffer.from(bytes).toString('latin1')).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#writeLine(line);
    while (this.#partial.length >= LINE_BYTES_MAX) {
      this.#writeLine(this.#partial.slice(0, LINE_BYTES_MAX));
      this.#partial = this.#partial.slice(LINE_BYTES_MAX);
    }
    return undefined;
  }

  flush(): void {
    // A line leaves when it is whole; waiting does not end it.
  }

  /** The program has ended: its last line needs no line end. */
  end(): void {
    if (this.#partial !== '') this.#writeLine(this.#partial);
    this.#partial = '';
  }

  #writeLine(line: string): void {
    this.#log.write('info', Buffer.from(line.replace(/\r$/, ''), 'latin1').toString('utf8'));
  }
}
