/**
 * One WebAssembly instance with its binding: links the ABI's hostcalls, gives them bounds-checked
 * sight of the instance, and holds the one place where a run can be ended.
 */
import type {
  Abi,
  Binding,
  GuestFunction,
  GuestHost,
  Hostcall,
  HostcallResult,
  ImportTable,
  RunEnd,
  WasmValue,
} from '../abi/abi.ts';
import { GuestMemory } from '../abi/memory.ts';
import { describeError } from '../errors.ts';
import type { LoadedModule } from '../messages.ts';

/** Ends the run: as the guest's own end, or from outside with the run's outcome. */
export type Ending = RunEnd | { readonly kind: 'ended' };

export interface InstanceOptions {
  /** The exception no guest can catch; see trap.ts. */
  readonly trap: WebAssembly.RuntimeError;
  /** Told around every stretch of guest code, for CPU time. */
  readonly onSuspend: () => void;
  readonly onResume: () => void;
}

export class GuestInstance implements GuestHost {
  readonly binding: Binding;
  readonly #options: InstanceOptions;
  #exports: WebAssembly.Exports | undefined;
  #memory: GuestMemory | undefined;
  #table: WebAssembly.Table | undefined;
  /** Why the instance must not run on; set once, before the trap is thrown. */
  #ending: Ending | undefined;
  #rejectSuspension: ((trap: WebAssembly.RuntimeError) => void) | undefined;
  #isCalledByHost = false;

  constructor(loaded: LoadedModule, abi: Abi, options: InstanceOptions) {
    this.#options = options;
    this.binding = abi.bind(this);
    const imports = this.#link(loaded.module, this.binding.imports);
    const instance = new WebAssembly.Instance(loaded.module, imports);
    this.#exports = instance.exports;
    this.#memory = this.#findMemory(loaded);
    this.#table = this.#findTable(loaded);
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Forgets the last run's end, before the next one begins. */
  clearEnding(): void {
    this.#ending = undefined;
  }

  get memoryBytes(): number {
    return this.#memory?.byteLength ?? 0;
  }

  /**
   * Ends the run from outside. A suspended guest is woken with the trap, so that its stack is
   * freed (engine rule A5); a running one ends at its next hostcall.
   */
  end(ending: Ending): void {
    this.#ending ??= ending;
    const reject = this.#rejectSuspension;
    this.#rejectSuspension = undefined;
    if (reject !== undefined) {
      this.#options.onResume();
      reject(this.#options.trap);
    }
  }

  get memory(): GuestMemory {
    if (this.#memory === undefined)
      return this.trap('the module has no memory to pass data through');
    return this.#memory;
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return asFunction(this.#exports?.[name]);
  }

  tableFunction(index: number): GuestFunction | undefined {
    if (this.#table === undefined || index >= this.#table.length) return undefined;
    return asFunction(this.#table.get(index));
  }

  callGuest(callee: GuestFunction, ...args: WasmValue[]): HostcallResult {
    this.#isCalledByHost = true;
    try {
      return callee(...args);
    } catch (error) {
      this.#endByError(error);
      throw this.#options.trap;
    } finally {
      this.#isCalledByHost = false;
    }
  }

  trap(reason: string): never {
    this.#ending ??= { kind: 'trapped', reason };
    throw this.#options.trap;
  }

  exit(exitCode: number): never {
    this.#ending ??= { kind: 'exited', exitCode };
    throw this.#options.trap;
  }

  #link(module: WebAssembly.Module, table: ImportTable): WebAssembly.Imports {
    const imports: WebAssembly.Imports = Object.create(null);
    for (const wanted of WebAssembly.Module.imports(module)) {
      const hostcall = table.get(wanted.module)?.get(wanted.name);
      if (hostcall === undefined) continue;
      imports[wanted.module] ??= Object.create(null);
      const names = imports[wanted.module];
      if (names !== undefined) names[wanted.name] = this.#wrap(hostcall);
    }
    return imports;
  }

  /** Every way out of a hostcall is a result or the one trap: guests can catch anything else. */
  #wrap(hostcall: Hostcall): WebAssembly.ImportValue {
    const call = hostcall.call as (...args: WasmValue[]) => unknown;
    const guarded = (...args: WasmValue[]): unknown => {
      if (this.#ending !== undefined) throw this.#options.trap;
      if (this.#isCalledByHost) this.trap('a hostcall was made while the host called the guest');
      try {
        const result = call(...args);
        return result instanceof Promise ? this.#suspend(result) : result;
      } catch (error) {
        this.#endByError(error);
        throw this.#options.trap;
      }
    };
    return hostcall.waits ? new WebAssembly.Suspending(guarded) : guarded;
  }

  #suspend(result: Promise<unknown>): Promise<unknown> {
    this.#options.onSuspend();
    return new Promise((resolve, reject) => {
      this.#rejectSuspension = reject;
      const settle = (deliver: () => void): void => {
        // After `end` the guest is already awake, or gone: what comes late is dropped.
        if (this.#rejectSuspension !== reject) return;
        this.#rejectSuspension = undefined;
        this.#options.onResume();
        deliver();
      };
      result.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) =>
          settle(() => {
            this.#endByError(error);
            reject(this.#options.trap);
          }),
      );
    });
  }

  #endByError(error: unknown): void {
    if (error === this.#options.trap) return;
    this.#ending ??= { kind: 'trapped', reason: describeError(error) };
  }

  #findMemory(loaded: LoadedModule): GuestMemory | undefined {
    const memory = this.#pick(loaded.engine.memoryExport, WebAssembly.Memory);
    if (memory === undefined) return undefined;
    return new GuestMemory(memory, {
      onWrite: undefined,
      trap: (reason) => this.trap(reason),
    });
  }

  #findTable(loaded: LoadedModule): WebAssembly.Table | undefined {
    return this.#pick(loaded.engine.tableExport, WebAssembly.Table);
  }

  #pick<T>(name: unknown, kind: abstract new (...args: never[]) => T): T | undefined {
    if (typeof name !== 'string') return undefined;
    const found = this.#exports?.[name];
    return found instanceof kind ? found : undefined;
  }
}

function asFunction(value: unknown): GuestFunction | undefined {
  return typeof value === 'function' ? (value as GuestFunction) : undefined;
}
