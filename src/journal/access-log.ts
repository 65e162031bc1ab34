/**
 * The file of requests for other programs. Opened anew when it was renamed or removed, as tools
 * that rotate logs do it. Touches the file; for the thread of the log writer alone.
 */
import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { type AccessFormat, accessHeads, formatAccess } from './access-lines.ts';

export interface AccessLogOptions {
  readonly file: string;
  readonly format: AccessFormat;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
}

/** How often it is looked whether the file is still the same. */
const lookMs = 1_000;
const fileMode = 0o640;

export class AccessLog {
  readonly #options: AccessLogOptions;
  #fd: number | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Requests that could not be written since one could. */
  #lost = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  /** Takes whole lines of the log. Answers how many requests could not be written so far. */
  write(lines: Uint8Array): number {
    const { format } = this.#options;
    const texts = Buffer.from(lines)
      .toString()
      .split('\n')
      .flatMap((line) => formatAccess(line, format) ?? []);
    if (texts.length === 0) return 0;
    try {
      this.#open();
      this.#writeAll(Buffer.from(texts.join('')));
      this.#lost = 0;
    } catch (error) {
      // A full disk, or a directory that is not there any more: it is tried again with the next.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.#lost += texts.length;
      this.#close();
    }
    return this.#lost;
  }

  #open(): void {
    const { file, format, nowMs } = this.#options;
    if (this.#fd !== undefined && nowMs() - this.#lookedAtMs < lookMs) return;
    this.#lookedAtMs = nowMs();
    if (this.#fd !== undefined) {
      const there = statSync(file, { throwIfNoEntry: false });
      if (there?.ino === fstatSync(this.#fd).ino) return;
      this.#close();
    }
    this.#fd = openSync(file, 'a', fileMode);
    // Each start says anew what its fields are: the last release may have written others.
    this.#writeAll(Buffer.from(accessHeads[format]));
  }

  #writeAll(bytes: Uint8Array): void {
    if (this.#fd === undefined) return;
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#fd, bytes, written);
    }
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
