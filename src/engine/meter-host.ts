/**
 * The host's side of metered modules: for each place in a program one set of functions for all
 * guests of the thread, because only one guest runs at a time and the scheduler knows which.
 * `src/wasm/meter/contract.ts` says what each must do.
 */
import { type HostSlot, hostSlotFaces, hostSlots } from '../wasm/meter/contract.ts';
import type { Crossings, HostFunction } from './crossings.ts';
import type { Activation } from './run/activation.ts';
import type { ObjectHeap } from './supply/object-heap.ts';
import { pauseForFuel } from './turn/pause.ts';
import type { Scheduler } from './turn/scheduler.ts';

/** Bytes in a page of linear memory. */
const pageBytes = 65_536;

export interface MeterHostOptions {
  readonly scheduler: Scheduler<Activation>;
  readonly trap: WebAssembly.RuntimeError;
  readonly objects: ObjectHeap;
  readonly crossings: Crossings;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
}

export class MeterHost {
  /** For each core of a program its functions as table entries want them, in slot order. */
  readonly #functions: (readonly unknown[])[] = [];
  readonly #scheduler: Scheduler<Activation>;
  readonly #trap: WebAssembly.RuntimeError;
  readonly #objects: ObjectHeap;
  readonly #crossings: Crossings;
  readonly #nowMs: () => number;

  constructor(options: MeterHostOptions) {
    this.#scheduler = options.scheduler;
    this.#trap = options.trap;
    this.#objects = options.objects;
    this.#crossings = options.crossings;
    this.#nowMs = options.nowMs;
  }

  /** Fills the host table of core number `core` of a program; before that its meter traps. */
  connect(table: WebAssembly.Table, core: number): void {
    this.#functions[core] ??= this.#openFunctions(core);
    for (let slot = 0; slot < table.length; slot += 1) table.set(slot, this.#functions[core][slot]);
  }

  #openFunctions(core: number): readonly unknown[] {
    const calls: Record<HostSlot, (...args: number[]) => unknown> = {
      check: (remaining = 0) => this.#running().check(remaining, core),
      pause: () => pauseForFuel(this.#running(), core, this.#nowMs),
      growMemory: (memory = 0, pages = 0) => this.#growMemory(core, memory, pages >>> 0),
      growTable: () => this.#growTable(),
      allocate: (bytes = 0) => this.#allocate(bytes),
    };
    return this.#crossings.open(
      hostSlots.map((slot) => ({
        face: hostSlotFaces[slot],
        waits: slot === 'pause',
        call: calls[slot] as HostFunction,
      })),
    );
  }

  #running(): Activation {
    const running = this.#scheduler.current;
    // No guest may run on nobody's account: were it possible, the meter would be void.
    if (running === undefined) throw this.#trap;
    return running;
  }

  /** `memory` is the core's own number of it. */
  #growMemory(core: number, memory: number, pages: number): number {
    const running = this.#running();
    const { instance } = running;
    const number = instance?.memoryNumber(core, memory) ?? memory;
    if (!running.allowMemory(number, pages * pageBytes)) return 0;
    return instance?.growShared(number, pages, { core, index: memory }) === false ? 0 : 1;
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
    running.quota.refusal = taken;
    throw running.endByGuest({ kind: 'trapped', reason: taken.detail });
  }
}
