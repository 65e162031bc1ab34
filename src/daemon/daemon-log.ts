/** The log of the daemon as a whole: the control plane's own lines, and the writer of all lines. */
import type { Config } from '../config/config.ts';
import { type Journal, logReader, openJournal } from '../journal/journal.ts';
import { LogChannel } from '../journal/log-channel.ts';
import type { OutputStream } from '../journal/output.ts';
import { createLogger, tellLosses } from '../journal/telemetry.ts';
import { LogWriter } from './log-writer.ts';

/** How often what was dropped is told. */
const lossesMs = 60_000;

export class DaemonLog {
  readonly journal: Journal;
  readonly writer: LogWriter;
  readonly #channel: LogChannel;
  readonly #losses: NodeJS.Timeout;

  constructor({ limits, log, threads }: Config, stream: OutputStream) {
    this.writer = new LogWriter({
      ...{ log, limits, threads, stream },
      onTrouble: (errorDetail) => this.journal.tell('log-writer-crashed', { errorDetail }),
    });
    this.#channel = new LogChannel(this.writer.queue, limits);
    this.journal = openJournal(logReader(createLogger(log.level, this.#channel.own)));
    this.#losses = setInterval(() => this.#tellLosses(), lossesMs).unref();
  }

  /** Writes what is queued, within `withinMs`. Nothing is to be logged afterwards. */
  close(withinMs: number): Promise<void> {
    clearInterval(this.#losses);
    this.#tellLosses();
    return this.writer.close(withinMs);
  }

  #tellLosses(): void {
    tellLosses(this.journal, this.#channel);
  }
}
