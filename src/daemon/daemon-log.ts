/** The log of the daemon as a whole: the control plane's own lines, and the writer of all lines. */
import type { Logger } from 'pino';
import { EventBook } from '../admin/event-book.ts';
import type { Config, LogLevel } from '../config/config.ts';
import { type Journal, logReader, openJournal } from '../journal/journal.ts';
import { LogChannel } from '../journal/log-channel.ts';
import type { OutputStream } from '../journal/output.ts';
import { createLogger, tellLosses } from '../journal/telemetry.ts';
import { LogWriter } from './log-writer.ts';

/** How often what was dropped is told. */
const lossesMs = 60_000;
/** Deploys that a page which was away for a while is told. */
const eventsKeptMax = 1_000;

export class DaemonLog {
  readonly journal: Journal;
  /** What was told, for whoever asks later. */
  readonly events: EventBook;
  readonly writer: LogWriter;
  readonly #channel: LogChannel;
  readonly #logger: Logger;
  readonly #losses: NodeJS.Timeout;

  constructor({ limits, log, threads }: Config, stream: OutputStream) {
    this.writer = new LogWriter({
      ...{ log, limits, threads, stream },
      onTrouble: (errorDetail) => this.journal.tell('log-writer-crashed', { errorDetail }),
    });
    this.#channel = new LogChannel(this.writer.queue, limits);
    const { metricRowsMax: rowsMax } = limits;
    this.events = new EventBook({ rowsMax, keptMax: eventsKeptMax, nowMs: Date.now });
    this.#logger = createLogger(log.level, this.#channel.own);
    this.journal = openJournal(logReader(this.#logger), (event) => this.events.take(event));
    this.#losses = setInterval(() => this.#tellLosses(), lossesMs).unref();
  }

  /** Of the control plane's own lines, from now on. */
  setLevel(level: LogLevel): void {
    this.#logger.level = level;
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
