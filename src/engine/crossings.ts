/**
 * The way of hostcalls that may wait, one for a thread. V8 suspends the guest in every call of a
 * function that may suspend it, also where the answer is there at once, as it nearly always is: a
 * promise, a turn of the queue of microtasks, and a way back. So such a hostcall is called plainly,
 * and a function that suspends only where it wants to wait. Like those of the meter, the functions
 * are the same for all guests: only one runs at a time, and the scheduler knows which.
 */
import type { CoreFace } from '../abi/hostcall.ts';
import { list, moduleHead, nameSection, section, text } from './small-module.ts';

/** Of modules of ours that stand between guests and the host: traces of guests leave them out. */
export const ownModuleName = 'terrafirma-entrance';

/** A hostcall of one guest. */
export type HostFunction = (...args: unknown[]) => unknown;

export interface CrossingsOptions {
  /** Who has the thread, and with it the hostcalls of the guest that runs. */
  readonly scheduler: {
    readonly current: { readonly instance: Crossing | undefined } | undefined;
  };
  readonly trap: WebAssembly.RuntimeError;
}

/** A guest, as this sees it. */
export interface Crossing {
  /** By their places. */
  readonly hostcalls: readonly HostFunction[];
}

/** Arguments of a hostcall that is called without an array of them. */
const shortLength = 5;
const codes: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };

export class Crossings {
  readonly #options: CrossingsOptions;
  /** 1: the hostcall that was just made waits. */
  readonly #waits = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly #wait = new WebAssembly.Suspending(() => {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  });
  #pending: unknown;
  /** By types, and by types and place. */
  readonly #modules = new Map<string, WebAssembly.Module>();
  readonly #functions = new Map<string, WebAssembly.ImportValue>();

  constructor(options: CrossingsOptions) {
    this.#options = options;
  }

  /** What guests import whose hostcall at that place is of that type. */
  open(place: number, { params, results }: CoreFace): WebAssembly.ImportValue {
    const types = `${params.join(' ')} -> ${results.join(' ')}`;
    const key = `${place} ${types}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const module = this.#modules.get(types) ?? new WebAssembly.Module(bytesOf(params, results));
    this.#modules.set(types, module);
    const call = this.#callOf(place, params.length, results[0] === 'i64' ? 0n : 0);
    const host = { waits: this.#waits, call, wait: this.#wait };
    const { cross } = new WebAssembly.Instance(module, { host }).exports;
    this.#functions.set(key, cross);
    return cross;
  }

  /** @param nothing What is answered, and not looked at, where the answer is still to come. */
  #callOf(place: number, count: number, nothing: number | bigint): HostFunction {
    if (count > shortLength) return (...args) => this.#end(this.#at(place)(...args), nothing);
    return (a, b, c, d, e) => this.#end(this.#at(place)(a, b, c, d, e), nothing);
  }

  #at(place: number): HostFunction {
    const { scheduler, trap } = this.#options;
    const call = scheduler.current?.instance?.hostcalls[place];
    // As in the meter: no guest may run on nobody's account.
    if (call === undefined) throw trap;
    return call;
  }

  #end(answer: unknown, nothing: number | bigint): unknown {
    if (typeof answer !== 'object' || answer === null) return answer;
    this.#pending = answer;
    this.#waits.value = 1;
    return nothing;
  }
}

/**
 *   (module $terrafirma-entrance
 *     (import "host" "waits" (global $waits (mut i32)))
 *     (import "host" "call" (func $call (param …) (result …)))
 *     (import "host" "wait" (func $wait (result …)))
 *     (func (export "cross") (param …) (result …)
 *       (call $call (local.get 0) …)
 *       (br_if 0 (i32.eqz (global.get $waits)))
 *       (drop)
 *       (global.set $waits (i32.const 0))
 *       (call $wait)))
 */
function bytesOf(params: readonly string[], results: readonly string[]): Uint8Array {
  const answer = list(results.map(codeOf));
  const arguments_ = params.flatMap((_, index) => [0x20, index]);
  const dropped = results.map(() => 0x1a);
  const body = [
    ...[0, ...arguments_, 0x10, 0, 0x23, 0, 0x45, 0x0d, 0, ...dropped],
    ...[0x41, 0, 0x24, 0, 0x10, 1, 0x0b],
  ];
  return Uint8Array.of(
    ...moduleHead,
    ...section(1, [2, 0x60, ...list(params.map(codeOf)), ...answer, 0x60, 0, ...answer]),
    ...section(2, [
      ...[3, ...text('host'), ...text('waits'), 3, 0x7f, 1],
      ...[...text('host'), ...text('call'), 0, 0, ...text('host'), ...text('wait'), 0, 1],
    ]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('cross'), 0, 2]),
    ...section(10, [1, ...list(body)]),
    ...nameSection(ownModuleName),
  );
}

function codeOf(type: string): number {
  return codes[type] ?? 0;
}
