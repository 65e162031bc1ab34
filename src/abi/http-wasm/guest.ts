/** One handler as its hostcalls see it: its run, and data passed both ways. */
import type { Limits } from '../../config/config.ts';
import type { GuestHost } from '../abi.ts';
import type { GuestMemory } from '../memory.ts';
import { ObjectError } from '../objects/object-error.ts';
import type { HandlerRun } from './run.ts';

/** Above it only a value that this guest made itself could be. */
const textBytesMax = 1024 * 1024;

export class HandlerGuest {
  readonly limits: Limits;
  readonly #host: GuestHost;
  #run: HandlerRun | undefined;

  constructor(host: GuestHost, limits: Limits) {
    this.#host = host;
    this.limits = limits;
  }

  /**
   * Traps while the module is started, before any request: the engine then starts it anew in each
   * run, so that what it asks for then, such as its configuration, is its own folder's.
   */
  get run(): HandlerRun {
    return this.#run ?? this.trap('Cannot answer a hostcall: no request yet');
  }

  get memory(): GuestMemory {
    return this.#host.memory;
  }

  begin(run: HandlerRun): void {
    this.#run = run;
  }

  release(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.release();
  }

  trap(reason: string): never {
    return this.#host.trap(reason);
  }

  /** Does what may fail by what the guest has given; traps then. */
  attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof ObjectError) return this.trap(error.message);
      throw error;
    }
  }

  /** One character a byte, as bytes stand on the wire of HTTP. */
  readText(ptr: number, len: number): string {
    return this.memory.readLatin1(ptr, len, textBytesMax);
  }

  /** Writes text of one character a byte where there is room for all of it; answers its length. */
  giveText(ptr: number, limit: number, text: string): number {
    if (text.length <= limit >>> 0) this.memory.writeLatin1(ptr, text);
    return text.length;
  }

  /**
   * Writes texts, a NUL behind each, where there is room for all of them; answers how many there
   * are, and in the lower half their length with the NULs.
   */
  giveTexts(ptr: number, limit: number, texts: readonly string[]): bigint {
    const all = texts.map((text) => `${text}\0`).join('');
    this.giveText(ptr, limit, all);
    return (BigInt(texts.length) << 32n) | BigInt(all.length);
  }
}
