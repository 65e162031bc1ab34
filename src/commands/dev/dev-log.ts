/** The newest lines of the daemon that `terrafirma dev` runs, and what they say of one request. */
import { createPrettifier } from '../../journal/readable-lines.ts';

export type LogLine = Readonly<Record<string, unknown>>;

/** Trace lines of some hundred requests. */
const linesMax = 20_000;
const linesToldMax = 1_000;
/** How long the line of a request that has just been answered may be under way. */
const waitMsMax = 5_000;

interface KeptLine {
  readonly text: string;
  /** Of the request that it belongs to. */
  readonly requestId: string | undefined;
  readonly isEnd: boolean;
}

export class DevLog {
  readonly #prettify = createPrettifier(false);
  readonly #waiting = new Map<string, Set<() => void>>();
  #lines: KeptLine[] = [];

  /** Takes one line of JSON, and what it says. */
  take(text: string, line: LogLine): void {
    const isEnd = line.msg === 'request';
    const id = isEnd ? line.id : line.requestId;
    const requestId = typeof id === 'string' ? id : undefined;
    this.#lines.push({ text, requestId, isEnd });
    // In halves: moving all lines for each new one would cost more than they do.
    if (this.#lines.length > linesMax) this.#lines = this.#lines.slice(-linesMax / 2);
    if (isEnd && requestId !== undefined) {
      for (const wake of this.#waiting.get(requestId) ?? []) wake();
    }
  }

  /** Readable lines of a request, once it has ended: its own first, then what was said. */
  async linesOf(requestId: string): Promise<readonly string[]> {
    await this.#whenEnded(requestId);
    const own = this.#lines.filter((line) => line.requestId === requestId);
    const sorted = [...own.filter(({ isEnd }) => isEnd), ...own.filter(({ isEnd }) => !isEnd)];
    return sorted.slice(0, linesToldMax).map(({ text }) => this.#prettify(text).trimEnd());
  }

  async #whenEnded(requestId: string): Promise<void> {
    if (this.#lines.some((line) => line.isEnd && line.requestId === requestId)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakers = this.#waiting.get(requestId) ?? new Set();
    this.#waiting.set(requestId, wakers.add(resolve));
    const timer = setTimeout(resolve, waitMsMax);
    await promise;
    clearTimeout(timer);
    wakers.delete(resolve);
    if (wakers.size === 0) this.#waiting.delete(requestId);
  }
}
