/**
 * One instance of a program outside the daemon: links the hostcalls by JavaScript Promise
 * Integration and ends runs as the engine does, without its metering, pooling and restoring.
 */
import type {
  Abi,
  Binding,
  CoreFace,
  GuestFunction,
  GuestHost,
  HostcallResult,
  RunEnd,
  WasmValue,
} from '../../../src/abi/abi.ts';
import { bindHostcall, type Hostcall } from '../../../src/abi/hostcall.ts';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { isSteps, NestedCall, runSteps } from '../../../src/abi/steps.ts';
import { WasiGuest } from '../../../src/abi/wasip1/guest.ts';
import { wasip1Table } from '../../../src/abi/wasip1/table.ts';
import { takeTrap } from '../../../src/engine/run/trap.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { exposePrivates } from '../../../test/wasm/support/expose.ts';

export class WasiHost implements GuestHost {
  readonly cpuMs = 0;
  /** Every write of the host, as the engine is told of it. */
  readonly writes: { readonly ptr: number; readonly len: number }[] = [];
  /** A process to begin with; where an ABI binds, that does it. */
  readonly guest: WasiGuest;
  readonly binding: Binding | undefined;
  readonly #trap = takeTrap();
  readonly #exports: WebAssembly.Exports;
  readonly #rawMemory: WebAssembly.Memory | undefined;
  readonly #memory: GuestMemory | undefined;
  #ending: RunEnd | undefined;
  #wake: ((trap: WebAssembly.RuntimeError) => void) | undefined;

  constructor(wasm: Uint8Array, abi?: Abi) {
    const exposed = exposePrivates(wasm, inspectModule(wasm));
    const module = new WebAssembly.Module(exposed.bytes);
    this.#exports = Object.create(null);
    this.guest = new WasiGuest(this);
    this.binding = abi?.bind(this);
    this.#exports = new WebAssembly.Instance(module, this.#link(module)).exports;
    const memory =
      exposed.memoryExport === undefined ? undefined : this.#exports[exposed.memoryExport];
    if (!(memory instanceof WebAssembly.Memory)) return;
    this.#rawMemory = memory;
    this.#memory = new GuestMemory(memory, {
      onWrite: (ptr, len) => this.writes.push({ ptr, len }),
      trap: (reason) => this.trap(reason),
    });
  }

  /** Linear memory as the guest sees it, fresh for every use. */
  get bytes(): Buffer {
    if (this.#rawMemory === undefined) throw new Error('Cannot look: the guest has no memory');
    return Buffer.from(this.#rawMemory.buffer);
  }

  get memory(): GuestMemory {
    return this.#memory ?? this.trap('the module has no memory');
  }

  /** Runs an export to its end. Never rejects. */
  async run(entry: string): Promise<RunEnd> {
    this.#ending = undefined;
    const callee = this.exportedFunction(entry);
    if (callee === undefined) return { kind: 'trapped', reason: `no export ${entry}` };
    try {
      await WebAssembly.promising(callee)();
      return { kind: 'returned' };
    } catch (error) {
      return this.#ending ?? { kind: 'trapped', reason: String(error) };
    }
  }

  /** Calls an export so that it may be suspended. Rejects with the reason when it traps. */
  async call(name: string, ...args: readonly WasmValue[]): Promise<HostcallResult> {
    const callee = this.exportedFunction(name);
    if (callee === undefined) throw new Error(`Cannot call ${name}: no such export`);
    this.#ending = undefined;
    try {
      return (await WebAssembly.promising(callee)(...args)) as HostcallResult;
    } catch (error) {
      const ending: RunEnd | undefined = this.#ending;
      throw new Error(ending === undefined ? String(error) : JSON.stringify(ending));
    }
  }

  /** Ends the run from outside, as a limit does. */
  end(reason: string): void {
    this.#ending ??= { kind: 'trapped', reason };
    this.#wake?.(this.#trap);
  }

  exportedFunction(name: string): GuestFunction | undefined {
    const found = this.#exports[name];
    return typeof found === 'function' ? (found as GuestFunction) : undefined;
  }

  /** No table is looked at. */
  tableFunction(_index: number): GuestFunction | undefined {
    return undefined;
  }

  core(): CoreFace {
    return this;
  }

  callBeside(callee: GuestFunction, ...args: readonly WasmValue[]): Promise<HostcallResult> {
    return WebAssembly.promising(callee)(...args) as Promise<HostcallResult>;
  }

  nested(callee: GuestFunction): (...args: readonly WasmValue[]) => NestedCall {
    const call = WebAssembly.promising(callee);
    return (...args) => new NestedCall(() => call(...args) as Promise<unknown>);
  }

  runBeside<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  wait<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  mayGoOn(): boolean {
    return true;
  }

  afterTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  callGuest(callee: GuestFunction, ...args: WasmValue[]): HostcallResult {
    return callee(...args);
  }

  trap(reason: string): never {
    this.#ending ??= { kind: 'trapped', reason };
    throw this.#trap;
  }

  exit(exitCode: number): never {
    this.#ending ??= { kind: 'exited', exitCode };
    throw this.#trap;
  }

  #link(module: WebAssembly.Module): WebAssembly.Imports {
    const imports: WebAssembly.Imports = Object.create(null);
    for (const wanted of WebAssembly.Module.imports(module)) {
      const hostcall =
        this.binding?.hostcall(wanted) ?? bindHostcall(wasip1Table, this.guest, wanted);
      if (hostcall === undefined) continue;
      const names = imports[wanted.module] ?? Object.create(null);
      names[wanted.name] = this.#wrap(hostcall);
      imports[wanted.module] = names;
    }
    return imports;
  }

  #wrap(hostcall: Hostcall): WebAssembly.ImportValue {
    const call = hostcall.call as (...args: WasmValue[]) => unknown;
    const guarded = (...args: WasmValue[]): unknown => {
      if (this.#ending !== undefined) throw this.#trap;
      try {
        const answer = call(...args);
        const result = isSteps(answer) ? runSteps(answer) : answer;
        return result instanceof Promise ? this.#suspend(result) : result;
      } catch (error) {
        throw this.#endBy(error);
      }
    };
    return hostcall.waits ? new WebAssembly.Suspending(guarded) : guarded;
  }

  #suspend(result: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#wake = reject;
      result.then(resolve, (error: unknown) => reject(this.#endBy(error)));
    });
  }

  #endBy(error: unknown): WebAssembly.RuntimeError {
    if (error !== this.#trap) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#ending ??= { kind: 'trapped', reason };
    }
    return this.#trap;
  }
}
