/** Where log lines end: standard output, readable when that is a terminal. */
import { writeSync } from 'node:fs';
import { prettyFactory } from 'pino-pretty';
import type { LogConfig } from '../config/config.ts';
import type { LineSink } from '../telemetry.ts';

export interface OutputStream {
  readonly fd: number;
  readonly isTTY: boolean;
}

/**
 * Lines written whole and in order. Synchronous: a log that is behind when the process dies is the
 * log one would have needed; the threads send theirs in batches, so writes are few.
 */
export class LogOutput implements LineSink {
  readonly #fd: number;
  readonly #prettify: ((line: string) => string) | undefined;

  constructor({ format, color }: Pick<LogConfig, 'format' | 'color'>, stream: OutputStream) {
    this.#fd = stream.fd;
    const isPretty = format === 'pretty' || (format === 'auto' && stream.isTTY);
    this.#prettify = isPretty ? createPrettifier(color && stream.isTTY) : undefined;
  }

  write(lines: string): void {
    const prettify = this.#prettify;
    if (prettify === undefined) {
      writeAll(this.#fd, lines);
      return;
    }
    const readable = lines.split('\n').filter((line) => line !== '');
    writeAll(this.#fd, readable.map((line) => prettify(line)).join(''));
  }
}

function createPrettifier(colorize: boolean): (line: string) => string {
  return prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    // What a person at a terminal looks for first; the rest follows on the same line.
    messageFormat: (record, messageKey) => {
      if (record[messageKey] !== 'request') return String(record[messageKey]);
      const { method, status, hostName, path, outcome, wallUs } = record;
      return `${method} ${hostName}${path} → ${status} ${outcome} ${wallUs} µs`;
    },
    ignore: 'method,status,hostName,path,outcome,wallUs,id,bytesReceived,clientAddress',
  });
}

/** A pipe may take a part, or nothing for now (EAGAIN); a reader that went away is not our end. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') waitBriefly();
      else if (code === 'EPIPE' || code === 'EIO') return;
      else throw error;
    }
  }
}

function waitBriefly(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
