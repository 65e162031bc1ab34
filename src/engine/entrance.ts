/**
 * The way into guests, one for a thread: calls an entry on a stack that can be suspended, and tells
 * whether it has come back at once, as most do. What V8 gives for such a call is a promise in any
 * case, which settles no sooner than when all else that is ready has had its turn. So a module of
 * ours stands between: it calls the entry, and behind that says in its memory which call has ended.
 */
import type { GuestFunction } from '../abi/abi.ts';
import { type Crossings, ownModuleName } from './crossings.ts';

/**
 *   (module $terrafirma-entrance
 *     (type $entry (func))
 *     (table $entries (export "entries") 0 funcref)
 *     (memory (export "memory") 1 1)
 *     (func (export "enter") (param $place i32) (param $call i32)
 *       (call_indirect $entries (type $entry) (local.get $place))
 *       (i32.store (i32.const 0) (local.get $call))))
 */
const entranceBytes = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 9, 2, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7f, 0],
  ...[3, 2, 1, 1],
  ...[4, 4, 1, 0x70, 0, 0],
  ...[5, 4, 1, 1, 1, 1],
  ...[7, 28, 3],
  ...[7, ...Buffer.from('entries'), 1, 0],
  ...[6, ...Buffer.from('memory'), 2, 0],
  ...[5, ...Buffer.from('enter'), 0, 0],
  ...[10, 16, 1, 14, 0, 0x20, 0, 0x11, 0, 0, 0x41, 0, 0x20, 1, 0x36, 2, 0, 0x0b],
  ...[0, 27, 4, ...Buffer.from('name'), 0, 20, 19, ...Buffer.from(ownModuleName)],
);

/** (module (import "host" "entry" (func))) */
const fittingBytes = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[2, 14, 1, 4, ...Buffer.from('host'), 5, ...Buffer.from('entry'), 0, 0],
);

/** Places that are added when all are taken. */
const placesAdded = 64;

type Enter = (place: number, call: number) => Promise<unknown>;

interface EntranceExports {
  readonly entries: WebAssembly.Table;
  readonly memory: WebAssembly.Memory;
  readonly enter: GuestFunction;
}

/** The entry of one instance. */
export interface Door {
  /** Undefined: it has returned. Rejects when the guest trapped or was ended. */
  enter(): Promise<unknown> | undefined;
  /** The instance is gone: nothing keeps it. */
  close(): void;
}

export class Entrance {
  readonly #entries: WebAssembly.Table;
  /** Of the call that has ended last. */
  readonly #ended: Int32Array;
  readonly #enter: Enter;
  readonly #fitting = new WebAssembly.Module(fittingBytes);
  /** By their modules, whether entries have the type that is called here. */
  readonly #known = new WeakMap<WebAssembly.Module, boolean>();
  readonly #free: number[] = [];
  #lastCall = 0;
  /** The way out of guests. */
  readonly crossings: Crossings;

  constructor(crossings: Crossings) {
    this.crossings = crossings;
    const module = new WebAssembly.Module(entranceBytes);
    const { exports } = new WebAssembly.Instance(module);
    const { entries, memory, enter } = exports as unknown as EntranceExports;
    this.#entries = entries;
    this.#ended = new Int32Array(memory.buffer);
    this.#enter = WebAssembly.promising(enter) as Enter;
  }

  /** The door to `entry`, a function of `module` without parameters; to be closed. */
  open(entry: GuestFunction, module: WebAssembly.Module): Door {
    const fits = this.#known.get(module) ?? this.#fits(entry);
    this.#known.set(module, fits);
    return fits ? this.#openPlace(entry) : openPlain(entry);
  }

  /** A type that stands in a group of others, or a result, is another type. */
  #fits(entry: GuestFunction): boolean {
    try {
      return new WebAssembly.Instance(this.#fitting, { host: { entry } }) !== undefined;
    } catch (error) {
      if (error instanceof WebAssembly.LinkError) return false;
      throw error;
    }
  }

  #openPlace(entry: GuestFunction): Door {
    if (this.#free.length === 0) this.#grow();
    const place = this.#free.pop() ?? 0;
    this.#entries.set(place, entry);
    return {
      enter: () => this.#call(place),
      close: () => {
        this.#entries.set(place, null);
        this.#free.push(place);
      },
    };
  }

  #call(place: number): Promise<unknown> | undefined {
    this.#lastCall = (this.#lastCall + 1) | 0;
    // Another guest may be called meanwhile, by a hostcall of this one: by another number.
    const call = this.#lastCall;
    this.#ended[0] = call - 1;
    const ending = this.#enter(place, call);
    return this.#ended[0] === call ? undefined : ending;
  }

  #grow(): void {
    const first = this.#entries.grow(placesAdded);
    for (let place = first + placesAdded - 1; place >= first; place -= 1) this.#free.push(place);
  }
}

function openPlain(entry: GuestFunction): Door {
  const enter = WebAssembly.promising(entry);
  return { enter: () => enter() as Promise<unknown>, close: () => undefined };
}
