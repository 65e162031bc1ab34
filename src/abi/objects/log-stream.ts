/** What a program writes, as lines of the log. */
import { Buffer } from 'node:buffer';
import type { GuestLog } from '../../capability/log/contract.ts';

/** A longer line is cut into several: nothing is kept back without bound. */
const lineBytesMax = 8_192;
const notAscii = /[^\0-\x7f]/;

export class LogStream {
  /** Every write becomes text. */
  readonly copiesBelowBytes = lineBytesMax;
  readonly #log: GuestLog;
  /** One character a byte, so that a character of several bytes is not torn between writes. */
  #partial = '';

  constructor(log: GuestLog) {
    this.#log = log;
  }

  get isDropping(): boolean {
    return this.#log.isFull;
  }

  /** What is beyond the limits of the log is not even looked at. */
  write(bytes: Uint8Array): undefined {
    for (let done = 0; done < bytes.length && !this.isDropping; done += lineBytesMax) {
      this.#writePart(bytes.subarray(done, done + lineBytesMax));
    }
    return undefined;
  }

  #writePart(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#writeLine(this.#cut(line));
    this.#partial = this.#cut(this.#partial);
  }

  flush(): void {
    // A line leaves when it is whole; waiting does not end it.
  }

  /** The program has ended: its last line needs no line end. */
  end(): void {
    if (this.#partial !== '') this.#writeLine(this.#partial);
    this.#partial = '';
  }

  /** Writes the beginning of a line that is too long; answers what is left of it. */
  #cut(line: string): string {
    let start = 0;
    while (line.length - start >= lineBytesMax && !this.isDropping) {
      this.#writeLine(line.slice(start, start + lineBytesMax));
      start += lineBytesMax;
    }
    return start === 0 ? line : line.slice(start);
  }

  #writeLine(line: string): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    const isAscii = !notAscii.test(text);
    this.#log.write('info', isAscii ? text : Buffer.from(text, 'latin1').toString('utf8'));
  }
}
