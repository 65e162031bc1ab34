/**
 * One thread's way to the log: its queue to the writer, and the shares of those who cause lines.
 * Nothing here ever waits: what has no share or no room is dropped, counted, and told of whom.
 */
import { LogQueueInput, type LogQueueMemory } from './log-queue.ts';
import { type LineOrigin, type LogLosses, type LogShareLimits, LogShares } from './log-shares.ts';

/** Where log lines go: each ends in a line end. */
export interface LineSink {
  write(line: string): void;
}

/** pino tells a sink that has this symbol what the next line is made of. */
const metadata = Symbol.for('pino.metadata');
/** pino's numbers of the levels `warn` and `error`. */
const warn = 40;
const error = 50;
/** Room for the line that tells what was dropped: told later rather than dropped itself. */
const lossesBytesMax = 8_192;

export class LogChannel {
  /**
   * For the daemon's own lines. From `warn` on they may use the part that is kept for them; those
   * of a folder from `error` on, because warnings can be had for a refused file.
   */
  readonly own: LineSink = new OwnLines(this);
  readonly #input: LogQueueInput;
  readonly #shares: LogShares;

  constructor(memory: LogQueueMemory, limits: LogShareLimits) {
    this.#input = new LogQueueInput(memory);
    this.#shares = new LogShares(limits);
  }

  /**
   * Whether a line of `origin` is to be made at all: a flood of lines that nobody will see should
   * not cost their making. Where not, the line counts as dropped.
   */
  allows(origin: LineOrigin): boolean {
    return this.#shares.allows(origin);
  }

  /** Writes a line that a site or a visitor has caused, after `allows`. */
  write(line: string, origin: LineOrigin, isImportant = false): void {
    const bytes = this.#input.put(line, isImportant);
    if (bytes === 0) this.#shares.noteNoRoom(origin);
    else this.#shares.charge(origin, bytes);
  }

  /** Writes a line of the daemon's own. */
  writeOwn(line: string, isImportant: boolean): void {
    if (this.#input.put(line, isImportant) === 0) this.#shares.noteNoRoom(undefined);
  }

  /** A minute is over, or the thread ends: what was dropped, as soon as that can be told. */
  takeLosses(): LogLosses | undefined {
    return this.#input.hasRoom(lossesBytesMax) ? this.#shares.roll() : undefined;
  }
}

class OwnLines implements LineSink {
  readonly [metadata] = true;
  /** Set by pino before each line. */
  lastLevel = 0;
  lastObj: unknown = undefined;
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  write(line: string): void {
    const folderKey = readFolderKey(this.lastObj);
    const isImportant = this.lastLevel >= (folderKey === undefined ? warn : error);
    // An owner who saves refused files all day fills his own share of the log.
    if (folderKey === undefined) this.#channel.writeOwn(line, isImportant);
    else {
      const origin = { folderKey, clientAddress: undefined };
      if (this.#channel.allows(origin)) this.#channel.write(line, origin, isImportant);
    }
  }
}

function readFolderKey(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { folderKey } = fields as { readonly folderKey?: unknown };
  return typeof folderKey === 'string' ? folderKey : undefined;
}
