/** What an ABI sees of an instance: `GuestHost`, seen through bounds checks. */
import type {
  CoreFace,
  GuestFunction,
  GuestHost,
  HostcallResult,
  TrapCode,
  WasmValue,
} from '../abi/abi.ts';
import type { GuestMemory } from '../abi/memory.ts';
import { NestedCall } from '../abi/steps.ts';
import type { CoreInstance } from './core-instance.ts';
import type { RunSlot } from './run-slot.ts';

/** The instance, as this sees it. */
export interface HostFaceOptions {
  readonly slot: RunSlot;
  readonly mainCore: number;
  /** Undefined until the core was made. */
  coreOf(core: number): CoreInstance | undefined;
  /** Memory 0 of a core. */
  memoryOf(core: number): GuestMemory | undefined;
}

/** One core; see `CoreFace`. */
class Face implements CoreFace {
  protected readonly options: HostFaceOptions;
  readonly #core: number;
  #memory: GuestMemory | undefined;

  constructor(options: HostFaceOptions, core: number) {
    this.options = options;
    this.#core = core;
  }

  get memory(): GuestMemory {
    this.#memory ??= this.options.memoryOf(this.#core);
    if (this.#memory !== undefined) return this.#memory;
    return this.options.slot.endTrapped('the module has no memory to pass data through');
  }

  exportedFunction(name: string): GuestFunction | undefined {
    return this.options.coreOf(this.#core)?.exportedFunction(name);
  }

  tableFunction(index: number): GuestFunction | undefined {
    return this.options.coreOf(this.#core)?.tableFunction(index);
  }
}

/** The main core, and all that an ABI may do with a run. */
export class HostFace extends Face implements GuestHost {
  #others: Face[] | undefined;

  constructor(options: HostFaceOptions) {
    super(options, options.mainCore);
  }

  get cpuMs(): number {
    return this.options.slot.running().cpuUsNow() / 1_000;
  }

  core(core: number): CoreFace {
    if (core === this.options.mainCore) return this;
    this.#others ??= [];
    this.#others[core] ??= new Face(this.options, core);
    return this.#others[core];
  }

  callGuest(callee: GuestFunction, arg: WasmValue): HostcallResult {
    const activation = this.options.slot.running();
    activation.requireAlive();
    try {
      return activation.callGuest(callee, arg);
    } catch (error) {
      throw activation.endByError(error);
    }
  }

  callBeside(callee: GuestFunction, ...args: readonly WasmValue[]): Promise<HostcallResult> {
    const { slot } = this.options;
    const call = WebAssembly.promising(callee);
    return slot.running().callBeside(() => {
      slot.onTurn();
      return call(...args) as Promise<HostcallResult>;
    });
  }

  nested(callee: GuestFunction): (...args: readonly WasmValue[]) => NestedCall {
    const { slot } = this.options;
    const call = WebAssembly.promising(callee);
    return (...args) =>
      new NestedCall(() => {
        slot.onTurn();
        return call(...args) as Promise<unknown>;
      });
  }

  runBeside<T>(work: () => Promise<T>): Promise<T> {
    return this.options.slot.running().callBeside(work);
  }

  wait<T>(work: Promise<T>): Promise<T> {
    return this.options.slot.running().suspend(work) as Promise<T>;
  }

  mayGoOn(): boolean {
    const activation = this.options.slot.running();
    activation.requireAlive();
    return !activation.looksOverdue();
  }

  afterTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  trap(reason: string, code?: TrapCode): never {
    return this.options.slot.endTrapped(reason, code);
  }

  exit(exitCode: number): never {
    const { slot } = this.options;
    throw slot.activation?.endByGuest({ kind: 'exited', exitCode }) ?? slot.trap;
  }
}
