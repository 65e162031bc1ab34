/** Bytes that the host keeps for one run: on its owner's account, and bounded for itself. */
import { inBytes } from '../../amounts.ts';
import type { HostMemory } from '../abi.ts';
import { ObjectError } from './object-error.ts';

export class HeldForRun {
  readonly #hostMemory: HostMemory | undefined;
  readonly #bytesMax: number;
  #bytes = 0;

  /** `hostMemory` left out: nobody counts beyond the run. */
  constructor(hostMemory: HostMemory | undefined, bytesMax: number) {
    this.#hostMemory = hostMemory;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ObjectError `limit`, `memory`; nothing is held then. */
  hold(bytes: number): void {
    const bytesMax = this.#bytesMax;
    if (this.#bytes + bytes > bytesMax) {
      const rule = `bodies of a run hold at most ${inBytes(bytesMax)}`;
      const received = `${this.#bytes + bytes} bytes`;
      throw new ObjectError('limit', `Cannot hold the body: ${rule}: received ${received}`);
    }
    if (this.#hostMemory?.tryHold(bytes) === false) {
      const message = `Cannot hold the body: memory is short: received ${bytes} bytes`;
      throw new ObjectError('memory', message);
    }
    this.#bytes += bytes;
  }

  /** The same for what is no body, and bounded otherwise; false: its owner may hold no more now. */
  tryHold(bytes: number): boolean {
    if (this.#hostMemory?.tryHold(bytes) === false) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Small objects, until the run ends; see `HostMemory`. */
  tryHoldObjects(bytes: number): boolean {
    return this.#hostMemory?.tryHoldObjects(bytes) !== false;
  }

  release(bytes: number): void {
    // What was held before the run ended is nobody's any more.
    const released = Math.min(bytes, this.#bytes);
    if (released === 0) return;
    this.#bytes -= released;
    this.#hostMemory?.release(released);
  }

  /** The end of the run: all of it. */
  close(): void {
    this.release(this.#bytes);
  }
}
