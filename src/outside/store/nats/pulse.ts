/**
 * Whether the engine is there: which streams' leaders answer, and whether calls should still wait
 * for it. A dead engine must not make every request take as long as an election.
 */
import type { LeaderReads } from './leader-reads.ts';
import type { Link } from './link.ts';
import type { Places } from './places.ts';

export interface PulseOptions {
  readonly link: Link;
  readonly reads: LeaderReads;
  readonly places: Places;
  /** How long a call may wait. */
  readonly waitMs: number;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
  /** What is known of a stream is true for so long, because its leader answered; 0: no more. */
  readonly onAlive: (streamIndex: number, leftMs: number) => void;
  readonly onChange: () => void;
}

const probeMs = 1_000;
/** So long after the last answer of its leader what is known of a stream counts as true. */
const aliveMs = 3_000;
const silencesMax = 3;

export class Pulse {
  readonly #options: PulseOptions;
  readonly #aliveUntilMs: number[];
  readonly #timer: NodeJS.Timeout;
  /** Calls that nobody answered, one after the other. */
  #silences = 0;
  #answeredAtMs: number;
  #isDown = false;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#aliveUntilMs = options.places.streams.map(() => 0);
    this.#answeredAtMs = options.nowMs();
    this.#timer = setInterval(() => this.#probeAll(), probeMs);
    this.#timer.unref();
    this.#probeAll();
  }

  /** Whether the stream's leader answered lately, over a connection that was never lost since. */
  isAlive(streamIndex: number): boolean {
    return this.#options.nowMs() < (this.#aliveUntilMs[streamIndex] ?? 0);
  }

  /** Whether calls are refused at once. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** A call was not answered in time. */
  noteSilence(): void {
    this.#silences += 1;
    if (this.#silences >= silencesMax) this.#setDown(true);
  }

  noteAnswer(): void {
    this.#silences = 0;
    this.#answeredAtMs = this.#options.nowMs();
    this.#setDown(false);
  }

  /** The connection is lost: what is known may be old from now on. */
  noteLost(): void {
    const nowMs = this.#options.nowMs();
    for (const index of this.#aliveUntilMs.keys()) this.#setAlive(index, nowMs);
  }

  close(): void {
    clearInterval(this.#timer);
    this.noteLost();
  }

  #probeAll(): void {
    const { places, waitMs } = this.#options;
    for (const index of this.#aliveUntilMs.keys()) void this.#probe(index, places);
    const silentMsMax = Math.max(waitMs, aliveMs);
    if (this.#options.nowMs() - this.#answeredAtMs > silentMsMax) this.#setDown(true);
  }

  async #probe(index: number, places: Places): Promise<void> {
    const { link, nowMs, reads } = this.#options;
    const stream = places.streams[index];
    if (stream === undefined || !link.isConnected) return;
    const askedAtMs = nowMs();
    const subject = `${places.subjectRoot(index)}.probe`;
    const isAnswered = await reads.probe(stream, subject, probeMs).catch(() => false);
    if (!isAnswered || !link.isConnected) return;
    this.#setAlive(index, askedAtMs + aliveMs);
    this.noteAnswer();
  }

  #setAlive(index: number, untilMs: number): void {
    this.#aliveUntilMs[index] = untilMs;
    this.#options.onAlive(index, Math.max(0, untilMs - this.#options.nowMs()));
  }

  #setDown(isDown: boolean): void {
    if (isDown === this.#isDown) return;
    this.#isDown = isDown;
    this.#options.onChange();
  }
}
