/**
 * One core module, instantiated and metered: its exports, and the globals and functions that the
 * rewriting gave it.
 */
import type { GuestFunction } from '../abi/abi.ts';
import type { FormFacts } from '../threads/program.ts';

export interface CoreOptions {
  readonly module: WebAssembly.Module;
  readonly form: FormFacts;
  readonly imports: WebAssembly.Imports;
  /** Fills the host table: before that its meter traps. */
  readonly connect: (hostTable: WebAssembly.Table) => void;
  readonly firstFuel: number;
}

/** What `names.keep` is called with. */
const keepTask = { capture: 0, restore: 1 } as const;

type SizeGlobal = WebAssembly.Global<number | bigint>;

export class CoreInstance {
  readonly module: WebAssembly.Module;
  readonly exports: WebAssembly.Exports;
  readonly #fuel: WebAssembly.Global<number> | undefined;
  readonly #heap: WebAssembly.Global<number> | undefined;
  readonly #table: WebAssembly.Table | undefined;
  readonly #keep: GuestFunction | undefined;
  readonly #names: FormFacts['names'];

  /**
   * No code of the guest runs.
   *
   * @throws what V8 throws where imports do not fit
   */
  constructor({ module, form, imports, connect, firstFuel }: CoreOptions) {
    const { names } = form;
    this.#names = names;
    this.module = module;
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.#fuel = this.#global(names.fuel);
    this.#heap = this.#global(names.heap);
    this.#table = this.#pick(names.table, WebAssembly.Table);
    this.#keep = this.#own(names.keep);
    const hostTable = this.#pick(names.host, WebAssembly.Table);
    if (hostTable !== undefined) connect(hostTable);
    if (this.#fuel !== undefined) this.#fuel.value = firstFuel;
  }

  /** The pages that it believes its memories have. Asked for once: a list is not kept. */
  openSizes(): readonly (SizeGlobal | undefined)[] {
    return this.#names.memorySizes.map((name) => this.#global(name));
  }

  /** What instantiation would have called, were it not metered. */
  get start(): GuestFunction | undefined {
    return this.#own(this.#names.start);
  }

  /** The next check comes at once. */
  endSlice(): void {
    if (this.#fuel !== undefined) this.#fuel.value = 0;
  }

  /** What it may still use before its next check. */
  get fuelLeft(): number {
    return this.#fuel?.value ?? 0;
  }

  /** The next check comes after so much at the latest. */
  limitFuel(fuelMax: number): void {
    if (this.#fuel !== undefined && this.#fuel.value > fuelMax) this.#fuel.value = fuelMax;
  }

  /** A run begins that has taken nothing of V8's heap. */
  forgetHeap(): void {
    if (this.#heap !== undefined) this.#heap.value = 0;
  }

  /** From here on `restore` brings this state back. */
  capture(): void {
    this.#keep?.(keepTask.capture);
  }

  /** Puts back everything but memories, and what others define. */
  restore(): void {
    this.#keep?.(keepTask.restore);
  }

  /** Takes over the state that `source`, an instance of the same program, began its runs with. */
  copyState(source: CoreInstance, mover: WebAssembly.Module): void {
    const imports = { from: source.#stateGlobals(), to: this.#stateGlobals() };
    const { move } = new WebAssembly.Instance(mover, imports).exports;
    if (typeof move === 'function') move();
    this.restore();
  }

  /** What `capture` has last taken of its own globals, in their order. */
  get capturedGlobals(): readonly (number | bigint)[] {
    return Object.values(this.#stateGlobals()).map(
      (global) => (global as WebAssembly.Global<number | bigint>).value,
    );
  }

  /** The same of one of them, for `restore`. */
  writeCaptured(index: number, value: number | bigint): void {
    const global = Object.values(this.#stateGlobals())[index];
    if (global instanceof WebAssembly.Global) global.value = value;
  }

  /** Whether a start is being done that may not enter some functions; see `EarlyNames`. */
  set isStarting(isStarting: boolean) {
    const global = this.#global<number>(this.#names.early?.starting);
    if (global !== undefined) global.value = isStarting ? 1 : 0;
  }

  /** The index of the function that it ended in since this was last asked; undefined: in none. */
  takeStop(): number | undefined {
    const global = this.#global<number>(this.#names.early?.stopped);
    if (global === undefined || global.value === 0) return undefined;
    const stopped = global.value;
    global.value = 0;
    return stopped;
  }

  /** Whether a watched call has happened; see `EarlyNames`. */
  get hasWatchedCall(): boolean {
    return this.#global<number>(this.#names.early?.watched)?.value !== 0;
  }

  /** What takes the program up where it stood in a hostcall. */
  get resumeFunction(): GuestFunction | undefined {
    return this.#own(this.#names.early?.resume);
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return asFunction(Object.hasOwn(this.exports, name) ? this.exports[name] : undefined);
  }

  /** Entry `index` of table 0. */
  tableFunction(index: number): GuestFunction | undefined {
    if (this.#table === undefined || index >= this.#table.length) return undefined;
    return asFunction(this.#table.get(index));
  }

  #stateGlobals(): Record<string, WebAssembly.ExportValue> {
    const globals: Record<string, WebAssembly.ExportValue> = Object.create(null);
    for (const [position, { name }] of (this.#names.state ?? []).entries()) {
      const global = this.#global(name);
      if (global !== undefined) globals[position] = global;
    }
    return globals;
  }

  #own(name: string | undefined): GuestFunction | undefined {
    return name === undefined ? undefined : this.exportedFunction(name);
  }

  #global<T extends number | bigint>(name: string | undefined): WebAssembly.Global<T> | undefined {
    const found = this.#pick(name, WebAssembly.Global);
    return found === undefined ? undefined : (found as WebAssembly.Global<T>);
  }

  #pick<T>(name: unknown, kind: abstract new (...args: never[]) => T): T | undefined {
    if (typeof name !== 'string') return undefined;
    const found = this.exports[name];
    return found instanceof kind ? found : undefined;
  }
}

function asFunction(value: unknown): GuestFunction | undefined {
  return typeof value === 'function' ? (value as GuestFunction) : undefined;
}
