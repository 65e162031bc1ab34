/**
 * The way of hostcalls, one for a thread: functions of WebAssembly that stand between guests and
 * the host. V8 takes 100 bytes for each function of JavaScript that an instance imports, and
 * nothing for one of these; so they are the same for all instances of a program, and find whose
 * call it is by who has the thread. And V8 suspends the guest in every call of a function that may
 * suspend it, also where the answer is there at once, as it nearly always is: a promise, a turn of
 * the queue of microtasks, and a way back. So such a hostcall is called plainly, and a function
 * that suspends only where it wants to wait.
 *
 * What makes this safe: code of a guest runs only while its run has the thread. The host calls
 * guests then alone (see `RunSlot.onTurn`), and a stack that goes on after a wait first asks
 * whether the thread serves what it served before.
 */
import { type Crossing, crossingBytes } from './crossing-module.ts';
import { openStackRoom } from './stack-room.ts';

/** A hostcall of one guest. */
export type HostFunction = (...args: unknown[]) => unknown;

/** A run, as this sees it. */
export interface Served {
  /** Of the time that an instance serves a run: no other has it. */
  readonly serving: number;
}

export interface CrossingsOptions {
  /** Who has the thread. */
  readonly scheduler: { readonly current: Served | undefined };
  readonly trap: WebAssembly.RuntimeError;
}

export interface CrossingCall extends Crossing {
  /** Whose call it is it finds by itself; a promise where it `waits` and has no answer yet. */
  readonly call: HostFunction;
}

/** Arguments of a hostcall that is called without an array of them. */
const shortLength = 5;
const servingMax = 0x7fff_ffff;

export class Crossings {
  readonly #options: CrossingsOptions;
  /** Not 0: the hostcall that was just made waits, and who waits. */
  readonly #waits = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly #wait = new WebAssembly.Suspending(() => {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  });
  /** What every way to the host calls first; see stack-room.ts. */
  readonly room = openStackRoom();
  #pending: unknown;
  #lastServing = 0;

  constructor(options: CrossingsOptions) {
    this.#options = options;
  }

  /** For an instance that begins to serve a run. */
  nextServing(): number {
    this.#lastServing = this.#lastServing === servingMax ? 1 : this.#lastServing + 1;
    return this.#lastServing;
  }

  /** @throws the trap unless the thread serves what it served then */
  requireServing(serving: number): void {
    const { scheduler, trap } = this.#options;
    if (scheduler.current?.serving !== serving) throw trap;
  }

  /** What guests import of functions of those types, in their order. */
  open(calls: readonly CrossingCall[]): readonly WebAssembly.ImportValue[] {
    if (calls.length === 0) return [];
    const host: Record<string, WebAssembly.ImportValue> = Object.create(null);
    host.waits = this.#waits;
    host.wait = this.#wait;
    host.resume = (serving: number) => this.requireServing(serving);
    host.room = this.room;
    for (const [place, each] of calls.entries()) host[place] = this.#callOf(each);
    const module = new WebAssembly.Module(crossingBytes(calls));
    const { exports } = new WebAssembly.Instance(module, { host });
    return calls.map((_, place) => exports[place] as WebAssembly.ImportValue);
  }

  /** The same for one. */
  openOne(call: CrossingCall): WebAssembly.ImportValue {
    const [opened] = this.open([call]);
    if (opened === undefined) throw new TypeError('Cannot open a crossing: its module has none');
    return opened;
  }

  /** For a hostcall of any type that may wait; V8 suspends the guest in each call of it. */
  suspending(call: HostFunction): WebAssembly.ImportValue {
    const { scheduler } = this.#options;
    return new WebAssembly.Suspending((...args: unknown[]) => {
      const serving = scheduler.current?.serving ?? 0;
      const answer = call(...args);
      if (!(answer instanceof Promise)) return answer;
      return answer.then((value: unknown) => {
        this.requireServing(serving);
        return value;
      });
    });
  }

  #callOf({ call, waits, face }: CrossingCall): HostFunction {
    if (!waits) return call;
    const { scheduler } = this.#options;
    const nothing = face.results[0] === 'i64' ? 0n : 0;
    if (face.params.length > shortLength) {
      return (...args) => {
        const serving = scheduler.current?.serving ?? 0;
        return this.#end(serving, call(...args), nothing);
      };
    }
    return (a, b, c, d, e) => {
      const serving = scheduler.current?.serving ?? 0;
      return this.#end(serving, call(a, b, c, d, e), nothing);
    };
  }

  /** @param nothing What is answered, and not looked at, where the answer is still to come. */
  #end(serving: number, answer: unknown, nothing: number | bigint): unknown {
    if (typeof answer !== 'object' || answer === null) return answer;
    this.#pending = answer;
    this.#waits.value = serving;
    return nothing;
  }
}
