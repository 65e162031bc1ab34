/**
 * The host's side of metered modules: one set of functions for all guests of a thread, because only
 * one guest runs at a time and the scheduler knows which. `src/wasm/meter/contract.ts` says what
 * each must do.
 */
import { type HostSlot, hostSlots, trampolineBytes } from '../wasm/meter/contract.ts';
import type { Activation } from './activation.ts';
import type { Scheduler } from './scheduler.ts';

/** Bytes in a page of linear memory. */
const pageBytes = 65_536;

/** Bytes of garbage-collected objects a run may allocate: they live in the thread's own heap. */
export const heapBytesMax = 32 * 1024 * 1024;

export interface MeterHostOptions {
  readonly scheduler: Scheduler<Activation>;
  readonly trap: WebAssembly.RuntimeError;
}

export class MeterHost {
  /** The functions as table entries want them, in the order of the slots. */
  readonly #functions: readonly unknown[];
  readonly #scheduler: Scheduler<Activation>;
  readonly #trap: WebAssembly.RuntimeError;

  constructor(options: MeterHostOptions) {
    this.#scheduler = options.scheduler;
    this.#trap = options.trap;
    const slots: Record<HostSlot, WebAssembly.ImportValue> = {
      check: (remaining: number) => this.#running().check(remaining),
      pause: new WebAssembly.Suspending(() => this.#running().pause()),
      growMemory: (memory: number, pages: number) =>
        this.#running().allowMemory(memory, (pages >>> 0) * pageBytes) ? 1 : 0,
      growTable: () => this.#growTable(),
      exhaust: () => this.#exhaust(),
    };
    const trampoline = new WebAssembly.Module(trampolineBytes);
    const { exports } = new WebAssembly.Instance(trampoline, { host: slots });
    this.#functions = hostSlots.map((slot) => exports[slot]);
  }

  /** Fills a new instance's host table; before that its meter traps. */
  connect(table: WebAssembly.Table): void {
    for (const [slot, host] of this.#functions.entries()) table.set(slot, host);
  }

  #running(): Activation {
    const running = this.#scheduler.current;
    // No guest may run on nobody's account: were it possible, the meter would be void.
    if (running === undefined) throw this.#trap;
    return running;
  }

  /** The meter bounds the size itself; what is left is that a grown table cannot shrink again. */
  #growTable(): number {
    this.#running().hasGrownTable = true;
    return 1;
  }

  #exhaust(): never {
    const running = this.#running();
    const reason = `Cannot answer: the objects of one run may have ${heapBytesMax} bytes together`;
    running.memoryRefusal = reason;
    throw running.endByGuest({ kind: 'trapped', reason });
  }
}
