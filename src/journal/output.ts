/**
 * Where log lines end: standard output, readable when that is a terminal. Touches file descriptors;
 * for the thread of the log writer alone, because a reader that does not read holds it up.
 */
import { Buffer } from 'node:buffer';
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { LogConfig } from '../config/config.ts';
import { createPrettifier } from './readable-lines.ts';
import { isJournal, withPriority } from './syslog-priority.ts';

export interface OutputStream {
  readonly fd: number;
  readonly isTTY: boolean;
  /** What systemd says of the stream that its journal reads (JOURNAL_STREAM). */
  readonly journalStream?: string | undefined;
}

export interface LogOutputOptions extends Pick<LogConfig, 'color' | 'format' | 'syslog'> {
  readonly stream: OutputStream;
  /** Waits a moment, while the reader does not read. */
  readonly pause: () => void;
}

/** A reader that went away is not our end; nor is a full disk. */
const survived = new Set(['EPIPE', 'EIO', 'ENOSPC', 'EDQUOT', 'EFBIG', 'ECONNRESET']);

/** Lines written whole and in order. */
export class LogOutput {
  readonly #fd: number;
  readonly #pause: () => void;
  /** Undefined: lines stay as they are. */
  readonly #rewrite: ((line: string) => string) | undefined;

  constructor({ format, color, stream, syslog, pause }: LogOutputOptions) {
    this.#fd = openWithoutBlocking(stream.fd);
    this.#pause = pause;
    const isPretty = format === 'pretty' || (format === 'auto' && stream.isTTY);
    const isPrefixed =
      syslog === 'yes' ||
      (syslog === 'auto' && isJournal(stream.journalStream, fstatSync(stream.fd)));
    const prefix = isPrefixed ? (line: string) => `${withPriority(line)}\n` : undefined;
    this.#rewrite = isPretty ? createPrettifier(color && stream.isTTY) : prefix;
  }

  /**
   * Writes whole lines. False when they could not be written, or not all of them.
   *
   * @throws The system's error when the output is none of a kind that may come and go.
   */
  write(lines: Uint8Array): boolean {
    const rewrite = this.#rewrite;
    if (rewrite === undefined) return this.#writeAll(lines);
    const readable = Buffer.from(lines)
      .toString()
      .split('\n')
      .filter((line) => line !== '');
    return this.#writeAll(Buffer.from(readable.map((line) => rewrite(line)).join('')));
  }

  #writeAll(bytes: Uint8Array): boolean {
    let written = 0;
    while (written < bytes.length) {
      try {
        written += writeSync(this.#fd, bytes, written);
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (survived.has(code)) return false;
        if (code !== 'EAGAIN') throw error;
        this.#pause();
      }
    }
    return true;
  }
}

/**
 * The same output, but a write that would have to wait fails with EAGAIN: a thread that waits in
 * the system cannot be ended, and would keep the whole process from ending. Opened anew, so that
 * others who hold the same pipe or terminal see no change. Files never make one wait, and sockets
 * cannot be opened anew: node makes those of its standard output non-blocking by itself.
 */
function openWithoutBlocking(fd: number): number {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return fd;
  const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    // No /proc here, or the output belongs to another user: as it is, then.
    if ((error as NodeJS.ErrnoException).code !== undefined) return fd;
    throw error;
  }
}
