/**
 * Who reads the log, piece by piece in turn by owner, and never more than a part of the control
 * plane's time: the log is the whole daemon's, each reader looks through all of it for his own
 * lines, and owners may have as many browsers as they like. Deploys and first visits wait for the
 * same thread. Pure but for the clock and timers.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Gate } from '../account/gate.ts';
import type { OwnerKey } from '../names.ts';

/** Reads one piece, a millisecond or two of it, when it is the reader's turn. */
export type ReadLog = <T>(read: () => T) => Promise<T>;

/** After each piece the log rests for three times as long: it has a quarter of the thread. */
const restShare = 3;
/** Shorter rests are put together: no timer is as short. */
const restMsMin = 5;
/** The operator's key among the owners. */
const operator = '' as OwnerKey;

export class LogTurns {
  readonly #gate = new Gate({ passesMax: 1, passesPerOwnerMax: 1 });
  readonly #nowMs: () => number;
  #restMs = 0;

  /** @param nowMs Milliseconds since some instant. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** As the owner reads it; left out, as the operator does. */
  readerFor(owner: OwnerKey = operator): ReadLog {
    const gate = this.#gate.forOwner(owner);
    return (read) => gate.pass(() => this.#read(read));
  }

  async #read<T>(read: () => T): Promise<T> {
    const startedAtMs = this.#nowMs();
    try {
      return read();
    } finally {
      this.#restMs += (this.#nowMs() - startedAtMs) * restShare;
      if (this.#restMs < restMsMin) await setImmediate();
      else await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const ms = this.#restMs;
    this.#restMs = 0;
    await setTimeout(ms, undefined, { ref: false });
  }
}
