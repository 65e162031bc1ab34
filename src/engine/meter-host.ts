/**
 * The host's side of metered modules: one set of functions for all guests of a thread, because only
 * one guest runs at a time and the scheduler knows which. `src/wasm/meter/contract.ts` says what
 * each must do.
 */
import { type HostSlot, hostSlots, trampolineBytes } from '../wasm/meter/contract.ts';
import type { Activation } from './run/activation.ts';
import type { ObjectHeap } from './supply/object-heap.ts';
import type { Scheduler } from './turn/scheduler.ts';

/** Bytes in a page of linear memory. */
const pageBytes = 65_536;

export interface MeterHostOptions {
  readonly scheduler: Scheduler<Activation>;
  readonly trap: WebAssembly.RuntimeError;
  readonly objects: ObjectHeap;
}

export class MeterHost {
  /** The functions as table entries want them, in the order of the slots. */
  readonly #functions: readonly unknown[];
  readonly #scheduler: Scheduler<Activation>;
  readonly #trap: WebAssembly.RuntimeError;
  readonly #objects: ObjectHeap;

  constructor(options: MeterHostOptions) {
    this.#scheduler = options.scheduler;
    this.#trap = options.trap;
    this.#objects = options.objects;
    const slots: Record<HostSlot, WebAssembly.ImportValue> = {
      check: (remaining: number) => this.#running().check(remaining),
      pause: new WebAssembly.Suspending(() => this.#pause()),
      growMemory: (memory: number, pages: number) =>
        this.#running().allowMemory(memory, (pages >>> 0) * pageBytes) ? 1 : 0,
      growTable: () => this.#growTable(),
      allocate: (bytes: number) => this.#allocate(bytes),
    };
    const trampoline = new WebAssembly.Module(trampolineBytes);
    const { exports } = new WebAssembly.Instance(trampoline, { host: slots });
    this.#functions = hostSlots.map((slot) => exports[slot]);
  }

  /** Fills a new instance's host table; before that its meter traps. */
  connect(table: WebAssembly.Table): void {
    for (const [slot, host] of this.#functions.entries()) table.set(slot, host);
  }

  #pause(): Promise<number> {
    const running = this.#running();
    return running.pauseWith(running.gauge.fuel);
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

  #allocate(bytes: number): number {
    const running = this.#running();
    running.requireAlive();
    const { owner } = running.shares;
    running.objects ??= this.#objects.open({ owner, share: running.share });
    const taken = running.objects.take(bytes);
    if (typeof taken === 'number') return taken;
    running.memoryRefusal = taken;
    throw running.endByGuest({ kind: 'trapped', reason: taken.detail });
  }
}
